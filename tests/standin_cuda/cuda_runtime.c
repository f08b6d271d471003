// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A stand-in for the part of the CUDA 12 runtime that tritonserver and its Python backend call, to be preloaded into
 * the real server on a machine that need not have a GPU. Devices exist as numbers only, and their memory is the host's.
 *
 *   STANDIN_CUDA_DEVICES   the compute capability of each device: 7.0,8.6; empty or unset for a host without a GPU
 *   STANDIN_CUDA_ERROR     what every question about devices is answered with: 35, 100, 802; empty or unset for none
 *
 * Either may be the absolute path of a file that has the value, which is read anew at each question: so devices can go and
 * come while a server runs. (What NVIDIA's runtime says then depends on how the device went; a test says it here.)
 *
 * What a test with it proves: which devices Triton's core counts as usable, what it makes of the instance groups of a
 * model on them, which configurations it refuses and with which words. All of that is decided in core, from the answers
 * of cudaGetDeviceCount and cudaGetDeviceProperties.
 *
 * What it does not prove: anything that happens on a GPU. No kernel runs, no memory is a device's, no driver is asked.
 * Whether a driver reports an error at all, and which, is not shown either: here the test says so.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of cudaError_t (CUDA 12, driver_types.h). */
enum { SUCCESS = 0, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_DEVICE = 101 };

/* cudaDeviceProp of CUDA 12 (driver_types.h): only what the server reads has a name. */
struct properties {
  char name[256];
  char unused_before_memory[32];
  size_t total_memory;
  char unused_before_capability[64];
  int major, minor;
  char unused_after_capability[664];
};
_Static_assert(offsetof(struct properties, total_memory) == 288, "cudaDeviceProp.totalGlobalMem");
_Static_assert(offsetof(struct properties, major) == 360, "cudaDeviceProp.major");
_Static_assert(sizeof(struct properties) == 1032, "cudaDeviceProp");

typedef void *stream;

static const size_t MEMORY = (size_t)16 << 30;
static _Thread_local int current_device;

/* The value of a variable, or the content of the file that it names. Good until the next call in this thread. */
static const char *setting(const char *name) {
  static _Thread_local char content[256];
  const char *value = getenv(name);
  if (!value || value[0] != '/') return value ? value : "";
  FILE *file = fopen(value, "re");
  content[file ? fread(content, 1, sizeof content - 1, file) : 0] = '\0';
  if (file) fclose(file);
  return content;
}

/* Fills in the compute capability of a device and gives SUCCESS, or says that there is no such device. */
static int capability(int device, int *major, int *minor) {
  const char *rest = setting("STANDIN_CUDA_DEVICES");
  for (int number = 0; number < device && rest; number++) {
    rest = strchr(rest, ',');
    rest = rest ? rest + 1 : NULL;
  }
  return device >= 0 && rest && sscanf(rest, "%d.%d", major, minor) == 2 ? SUCCESS : INVALID_DEVICE;
}

static int count_devices(void) {
  int count = 0, major, minor;
  while (capability(count, &major, &minor) == SUCCESS) count++;
  return count;
}

static int runtime_error(void) {
  const int error = atoi(setting("STANDIN_CUDA_ERROR"));
  return error ? error : count_devices() ? SUCCESS : NO_DEVICE;
}

static int device_error(int device) {
  int major, minor;
  const int error = runtime_error();
  return error ? error : capability(device, &major, &minor);
}

/* Devices. cudaGetErrorString is left to NVIDIA's own runtime, which needs no device for it. */

int cudaGetDeviceCount(int *count) {
  *count = count_devices();
  return runtime_error();
}

int cudaGetDevice(int *device) {
  *device = current_device;
  return runtime_error();
}

int cudaSetDevice(int device) {
  const int error = device_error(device);
  if (error == SUCCESS) current_device = device;
  return error;
}

int cudaGetDeviceProperties_v2(struct properties *properties, int device) {
  memset(properties, 0, sizeof *properties);
  snprintf(properties->name, sizeof properties->name, "Stand-in %d", device);
  properties->total_memory = MEMORY;
  const int error = device_error(device);
  return error ? error : capability(device, &properties->major, &properties->minor);
}

int cudaDeviceGetPCIBusId(char *text, int size, int device) {
  snprintf(text, size, "0000:%02x:00.0", device + 1);
  return device_error(device);
}

int cudaDeviceCanAccessPeer(int *can, int device, int peer) {
  *can = 0;
  const int error = device_error(device);
  return error ? error : device_error(peer);
}

int cudaDeviceGetStreamPriorityRange(int *least, int *greatest) {
  *least = *greatest = 0;
  return runtime_error();
}

/* Memory: the host's. */

int cudaMemGetInfo(size_t *free_memory, size_t *total) {
  *free_memory = *total = MEMORY;
  return runtime_error();
}

int cudaMalloc(void **memory, size_t size) {
  if (runtime_error()) return runtime_error();
  *memory = malloc(size ? size : 1);
  return *memory ? SUCCESS : OUT_OF_MEMORY;
}

int cudaHostAlloc(void **memory, size_t size, unsigned flags) {
  (void)flags;
  return cudaMalloc(memory, size);
}

int cudaFree(void *memory) {
  free(memory);
  return SUCCESS;
}

int cudaFreeHost(void *memory) { return cudaFree(memory); }

/* Streams: every call has finished when it returns. */

int cudaStreamCreate(stream *created) {
  *created = malloc(1);
  return *created ? SUCCESS : OUT_OF_MEMORY;
}

int cudaStreamCreateWithPriority(stream *created, unsigned flags, int priority) {
  (void)flags, (void)priority;
  return cudaStreamCreate(created);
}

int cudaStreamDestroy(stream ended) { return cudaFree(ended); }

int cudaStreamSynchronize(stream waited_for) {
  (void)waited_for;
  return SUCCESS;
}
