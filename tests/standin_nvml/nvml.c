// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A stand-in for the part of libnvidia-ml.so.1 that a probe asks, for a machine that need not have a GPU.
 *
 *   STANDIN_NVML_GPUS   what each GPU is like, in the order of the PCI bus: ok,lost,hangs. Words: see `behaviour`
 *   STANDIN_NVML_INIT   what nvmlInit_v2 answers: 9, 18; empty or unset for success
 *
 * GPU number n is at 000n:0A:00.0.
 *
 * What a test with it proves: that the structures, sizes and handles which Python passes are those that C expects, and
 * what becomes of a library that hangs, crashes, or has an error for one GPU. Handles do not fit into 32 bits, and each
 * one that comes back is checked.
 *
 * What it does not prove: what NVIDIA's library answers when. The structures are those of nvml.h as far as public
 * bindings show them; their sizes stand in the version words that the real library checks.
 */
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* nvmlReturn_t. */
enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, LIBRARY_NOT_FOUND = 12, LOST = 15 };
enum { VERSION_MISMATCH = 25, UNKNOWN = 999 };

typedef struct device *handle;

typedef struct {
  char busIdLegacy[16];
  unsigned int domain, bus, device, pciDeviceId, pciSubSystemId;
  char busId[32];
} pci_info;

typedef struct {
  unsigned long long total, free, used;
} memory_v1;

typedef struct {
  unsigned int version;
  unsigned long long total, reserved, free, used;
} memory_v2;

typedef struct {
  unsigned int fieldId, scopeId;
  long long timestamp, latencyUsec;
  unsigned int valueType, nvmlReturn;
  union {
    double dVal;
    unsigned int uiVal;
    unsigned long long ullVal;
  } value;
} field_value;

typedef struct {
  unsigned int version;
  unsigned char clusterUuid[16];
  unsigned int status, cliqueId;
  unsigned char state;
  unsigned int healthMask;
  unsigned char healthSummary;
} fabric_v3;

_Static_assert(sizeof(pci_info) == 68 && offsetof(pci_info, busId) == 36, "nvmlPciInfo_t");
_Static_assert((sizeof(memory_v2) | 2 << 24) == 0x02000028, "nvmlMemory_v2");
_Static_assert(sizeof(field_value) == 40 && offsetof(field_value, value) == 32, "nvmlFieldValue_t");
_Static_assert((sizeof(fabric_v3) | 3 << 24) == 0x03000028, "nvmlGpuFabricInfo_v3");

enum behaviour { OK, LOST_HANDLE, LOST_LATER, HANGS, CRASHES, MIG, UNIFIED, NONE };
static const char *const WORDS[] = {"ok", "lost", "lost_later", "hangs", "crashes", "mig", "unified"};
enum { MIG_DEVICES = 2, MIG_BIT = 64 };

static const char *setting(const char *name) {
  const char *value = getenv(name);
  return value ? value : "";
}

/* What GPU number `index` is like; NONE where there is none. */
static enum behaviour behaviour(unsigned int index) {
  const char *rest = setting("STANDIN_NVML_GPUS");
  for (; index > 0 && rest; index--) {
    rest = strchr(rest, ',');
    rest = rest ? rest + 1 : NULL;
  }
  if (!rest || !*rest) return NONE;
  size_t length = strcspn(rest, ",");
  for (unsigned int word = 0; word < NONE; word++)
    if (strlen(WORDS[word]) == length && strncmp(WORDS[word], rest, length) == 0) return word;
  abort();
}

static handle handle_of(unsigned int number) { return (handle)(((uintptr_t)number + 1) << 40 | 0x5a); }

/* The number behind a handle, or -1 where nobody gave it away: half of it was lost on the way. */
static int number_of(handle device) {
  uintptr_t value = (uintptr_t)device;
  return (value & 0xffffffffffu) == 0x5a && value >> 40 ? (int)(value >> 40) - 1 : -1;
}

#define CHECKED(device)                                        \
  int number = number_of(device);                              \
  if (number < 0) return INVALID_ARGUMENT;                     \
  unsigned int gpu = (unsigned int)number % MIG_BIT;           \
  enum behaviour like = behaviour(gpu);                        \
  (void)like

const char *nvmlErrorString(int code) {
  switch (code) {
    case SUCCESS: return "Success";
    case NOT_SUPPORTED: return "Not Supported";
    case LOST: return "GPU is lost";
    case 18: return "Driver/library version mismatch";
    default: return "Unknown Error";
  }
}

int nvmlInit_v2(void) {
  /* A library may talk, and even say what looks like an answer. */
  puts("{\"index\": 0, \"values\": 7}");
  fflush(stdout);
  return atoi(setting("STANDIN_NVML_INIT"));
}
int nvmlShutdown(void) { return SUCCESS; }

int nvmlSystemGetDriverVersion(char *version, unsigned int length) {
  return snprintf(version, length, "550.54.15") < (int)length ? SUCCESS : INVALID_ARGUMENT;
}

int nvmlSystemGetCudaDriverVersion_v2(int *version) {
  *version = 12040;
  return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned int *count) {
  for (*count = 0; behaviour(*count) != NONE;) ++*count;
  return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, handle *device) {
  switch (behaviour(index)) {
    case NONE: return INVALID_ARGUMENT;
    case LOST_HANDLE: return UNKNOWN;
    case HANGS: for (;;) pause();
    case CRASHES: raise(SIGSEGV); return UNKNOWN;
    default: *device = handle_of(index); return SUCCESS;
  }
}

int nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, handle *device) {
  unsigned int domain, bus, slot, function;
  if (sscanf(bus_id, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4) return INVALID_ARGUMENT;
  if (bus != 0x0a || behaviour(domain) == NONE) return NOT_FOUND;
  if (behaviour(domain) == LOST_HANDLE) return LOST;
  *device = handle_of(domain);
  return SUCCESS;
}

int nvmlDeviceGetPciInfo_v3(handle device, pci_info *info) {
  CHECKED(device);
  *info = (pci_info){.domain = gpu, .bus = 0x0a, .pciDeviceId = 0x20b710de};
  snprintf(info->busIdLegacy, sizeof info->busIdLegacy, "%04X:0A:00.0", gpu);
  snprintf(info->busId, sizeof info->busId, "%08X:0A:00.0", gpu);
  return SUCCESS;
}

int nvmlDeviceGetUUID(handle device, char *uuid, unsigned int length) {
  CHECKED(device);
  const char *kind = number >= MIG_BIT ? "MIG" : "GPU";
  return snprintf(uuid, length, "%s-%08d-aaaa-bbbb-cccc-dddddddddddd", kind, number) < (int)length ? SUCCESS : 7;
}

int nvmlDeviceGetName(handle device, char *name, unsigned int length) {
  CHECKED(device);
  snprintf(name, length, number >= MIG_BIT ? "NVIDIA A30 MIG 2g.12gb" : "NVIDIA A30");
  return SUCCESS;
}

int nvmlDeviceGetMinorNumber(handle device, unsigned int *minor) {
  CHECKED(device);
  *minor = gpu;
  return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(handle device, memory_v1 *memory) {
  CHECKED(device);
  if (like == UNIFIED) return NOT_SUPPORTED;
  if (like == LOST_LATER) return LOST;
  unsigned long long total = (unsigned long long)(number >= MIG_BIT ? 12288 : 24576) << 20;
  *memory = (memory_v1){.total = total, .used = 516ull << 20, .free = total - (516ull << 20)};
  return SUCCESS;
}

int nvmlDeviceGetMemoryInfo_v2(handle device, memory_v2 *memory) {
  memory_v1 old;
  if (memory->version != 0x02000028) return VERSION_MISMATCH;
  int code = nvmlDeviceGetMemoryInfo(device, &old);
  if (code != SUCCESS) return code;
  memory->total = old.total, memory->free = old.free, memory->reserved = 512ull << 20, memory->used = 4ull << 20;
  return SUCCESS;
}

/* Functions with one or two numbers as their answer. */
#define ANSWERS(name, type, ...)                     \
  int name(handle device, type *answer) {            \
    CHECKED(device);                                 \
    if (like == LOST_LATER) return LOST;             \
    *answer = __VA_ARGS__;                           \
    return SUCCESS;                                  \
  }
#define ANSWERS_TWO(name, type, first, second)       \
  int name(handle device, type *one, type *two) {    \
    CHECKED(device);                                 \
    if (like == LOST_LATER) return LOST;             \
    *one = first, *two = second;                     \
    return SUCCESS;                                  \
  }

ANSWERS(nvmlDeviceGetBrand, unsigned int, 14)
ANSWERS(nvmlDeviceGetArchitecture, unsigned int, 7)
ANSWERS(nvmlDeviceGetComputeMode, unsigned int, 3)
ANSWERS(nvmlDeviceGetPersistenceMode, unsigned int, 1)
ANSWERS(nvmlDeviceGetVirtualizationMode, unsigned int, 1)
ANSWERS(nvmlDeviceGetMaxMigDeviceCount, unsigned int, 7)
ANSWERS(nvmlDeviceGetGpuInstanceId, unsigned int, (unsigned int)number / MIG_BIT)
ANSWERS(nvmlDeviceGetComputeInstanceId, unsigned int, 0)
ANSWERS_TWO(nvmlDeviceGetCudaComputeCapability, int, 8, 0)
ANSWERS_TWO(nvmlDeviceGetMigMode, unsigned int, like == MIG, like == MIG)
ANSWERS_TWO(nvmlDeviceGetEccMode, unsigned int, 1, 0)

int nvmlDeviceGetMigDeviceHandleByIndex(handle device, unsigned int index, handle *mig) {
  CHECKED(device);
  /* The slots in use need not be the first ones. */
  if (like != MIG || index % 3 || index / 3 >= MIG_DEVICES) return NOT_FOUND;
  *mig = handle_of(gpu + MIG_BIT * (index + 1));
  return SUCCESS;
}

int nvmlDeviceGetTotalEccErrors(handle device, int kind, int since, unsigned long long *count) {
  CHECKED(device);
  if (kind != 1 || since != 0) return INVALID_ARGUMENT;
  *count = (1ull << 33) + 1;
  return SUCCESS;
}

int nvmlDeviceGetRemappedRows(handle device, unsigned int *corrected, unsigned int *uncorrected, unsigned int *pending,
                              unsigned int *failed) {
  CHECKED(device);
  *corrected = 5, *uncorrected = 6, *pending = 1, *failed = 0;
  return SUCCESS;
}

int nvmlDeviceGetFieldValues(handle device, int count, field_value *values) {
  CHECKED(device);
  if (count != 1 || values->fieldId != 230 || values->scopeId != 0) return INVALID_ARGUMENT;
  /* The number is a short one: what lies in the rest of the union is not part of it. */
  values->value.ullVal = 0xfffffffffffffff0ull, values->value.uiVal = 2, values->valueType = 1, values->nvmlReturn = 0;
  return SUCCESS;
}

int nvmlDeviceGetGpuFabricInfoV(handle device, fabric_v3 *info) {
  CHECKED(device);
  if (info->version != 0x03000028) return VERSION_MISMATCH;
  info->state = 3, info->status = 0, info->healthSummary = 2;
  return SUCCESS;
}
