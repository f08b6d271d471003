// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A Triton backend that loads any model and runs none: what its models become is decided by Triton's core alone. It
 * names each instance in the server's log, as the Python backend does.
 *
 * Compiled with -DPREFERRED_KIND=N it declares a preferred instance group, as the OpenVINO backend does with
 * TRITONSERVER_INSTANCEGROUPKIND_CPU (1) and the Python backend with TRITONSERVER_INSTANCEGROUPKIND_GPU (2).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Of tritonserver.h and tritonbackend.h, as much as is used here. */
typedef struct TRITONSERVER_Error error;
error *TRITONSERVER_ErrorNew(int code, const char *message);
error *TRITONSERVER_LogMessage(int level, const char *file, int line, const char *message);
const char *TRITONSERVER_InstanceGroupKindString(int kind);
error *TRITONBACKEND_ModelInstanceName(void *instance, const char **name);
error *TRITONBACKEND_ModelInstanceKind(void *instance, int *kind);
error *TRITONBACKEND_ModelInstanceDeviceId(void *instance, int32_t *device);
enum { TRITONSERVER_ERROR_UNSUPPORTED = 5, TRITONSERVER_LOG_INFO = 0 };

error *TRITONBACKEND_ModelInstanceInitialize(void *instance) {
  const char *name;
  int kind;
  int32_t device;
  char message[1024];
  TRITONBACKEND_ModelInstanceName(instance, &name);
  TRITONBACKEND_ModelInstanceKind(instance, &kind);
  TRITONBACKEND_ModelInstanceDeviceId(instance, &device);
  snprintf(message, sizeof message, "TRITONBACKEND_ModelInstanceInitialize: %s (%s device %d)", name,
           TRITONSERVER_InstanceGroupKindString(kind), device);
  return TRITONSERVER_LogMessage(TRITONSERVER_LOG_INFO, __FILE__, __LINE__, message);
}

error *TRITONBACKEND_ModelInstanceExecute(void *instance, void **requests, const uint32_t request_count) {
  (void)instance, (void)requests, (void)request_count;
  return TRITONSERVER_ErrorNew(TRITONSERVER_ERROR_UNSUPPORTED, "this backend runs no model");
}

#ifdef PREFERRED_KIND
error *TRITONBACKEND_BackendAttributeAddPreferredInstanceGroup(
    void *attributes, int kind, uint64_t count, const uint64_t *device_ids, uint64_t id_count);

error *TRITONBACKEND_GetBackendAttribute(void *backend, void *attributes) {
  (void)backend;
  return TRITONBACKEND_BackendAttributeAddPreferredInstanceGroup(attributes, PREFERRED_KIND, 0, NULL, 0);
}
#endif
