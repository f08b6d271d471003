// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A stand-in for the part of libcuda.so.1 that a probe asks, with the GPUs of the stand-in for NVML that are `ok`, or
 * `mig`, of which a process sees one MIG device.
 *
 *   STANDIN_NVML_GPUS   as there
 *   STANDIN_CUDA_INIT   what cuInit answers: 100, 802; empty or unset for success
 *
 * It answers with an error where the order of the devices is not that of the PCI bus, or where the environment hides
 * some of them. What it proves and does not prove is the same as of the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, INVALID_VALUE = 1, INVALID_DEVICE = 101, NOT_READY = 802 };

static const char *setting(const char *name) {
  const char *value = getenv(name);
  return value ? value : "";
}

/* The GPU that is device number `ordinal`, and whether MIG is on; -1 where there is none. */
static int gpu_of(int ordinal, int *mig) {
  char gpus[256];
  snprintf(gpus, sizeof gpus, "%s", setting("STANDIN_NVML_GPUS"));
  int number = 0;
  for (char *rest = NULL, *word = strtok_r(gpus, ",", &rest); word; word = strtok_r(NULL, ",", &rest), number++) {
    *mig = strcmp(word, "mig") == 0;
    if ((*mig || strcmp(word, "ok") == 0) && ordinal-- == 0) return number;
  }
  return -1;
}

int cuDriverGetVersion(int *version) {
  *version = 12040;
  return SUCCESS;
}

int cuGetErrorName(int code, const char **text) {
  *text = code == NOT_READY ? "CUDA_ERROR_SYSTEM_NOT_READY" : NULL;
  return *text ? SUCCESS : INVALID_VALUE;
}

int cuGetErrorString(int code, const char **text) {
  *text = code == NOT_READY ? "system not yet initialized" : NULL;
  return *text ? SUCCESS : INVALID_VALUE;
}

int cuInit(unsigned int flags) {
  if (strcmp(setting("STANDIN_CUDA_INIT"), "hangs") == 0)
    for (;;) pause();
  if (flags || getenv("CUDA_VISIBLE_DEVICES") || strcmp(setting("CUDA_DEVICE_ORDER"), "PCI_BUS_ID")) return 1;
  return atoi(setting("STANDIN_CUDA_INIT"));
}

int cuDeviceGetCount(int *count) {
  int mig;
  for (*count = 0; gpu_of(*count, &mig) >= 0;) ++*count;
  return SUCCESS;
}

/* A device is no ordinal: so is this one's number. */
int cuDeviceGet(int *device, int ordinal) {
  int mig, gpu = gpu_of(ordinal, &mig);
  *device = gpu + 1000 * mig + 10000;
  return gpu < 0 ? INVALID_DEVICE : SUCCESS;
}

int cuDeviceGetPCIBusId(char *address, int length, int device) {
  if (device < 10000) return INVALID_DEVICE;
  return snprintf(address, (size_t)length, "%04x:0A:00.0", device % 1000) < length ? SUCCESS : INVALID_VALUE;
}

int cuDeviceGetUuid(unsigned char *uuid, int device) {
  memset(uuid, device % 1000 + 1, 16);
  return SUCCESS;
}

int cuDeviceGetUuid_v2(unsigned char *uuid, int device) {
  memset(uuid, device % 1000 + 1 + (device >= 11000 ? 0x80 : 0), 16);
  return SUCCESS;
}
