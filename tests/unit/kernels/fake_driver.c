/* A libcuda.so.1 that prints what it is asked to do. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int load(void **module, const void *image) {
    printf("load %s\n", (const char *)image);
    *module = (void *)0x77;
    return 0;
}

static int get(void **function, void *module, const char *name) {
    printf("get %s of %p\n", name, module);
    *function = (void *)0x88;
    return 0;
}

static int launch(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                  unsigned by, unsigned bz, unsigned shared, void *stream, void **values,
                  void **extra) {
    int step = *(int *)values[5];
    printf("launch %p grid %u %u %u block %u %u %u shared %u stream %p extra %d: ",
           function, gx, gy, gz, bx, by, bz, shared, stream, extra != NULL);
    printf("%d %.1f %.1f %d %d %d\n", *(void **)values[0] != NULL,
           (*(float **)values[1])[2], (*(float **)values[2])[0], *(int *)values[3],
           *(int *)values[4], step);
    return step == 13 ? 701 : 0;
}

static int describe(int status, const char **text) {
    *text = status == 701 ? "too many resources" : "something";
    return 0;
}

static int nothing(void) { return 999; }

static void *find(const char *name) {
    if (!strcmp(name, "cuModuleLoadData")) return (void *)load;
    if (!strcmp(name, "cuModuleGetFunction")) return (void *)get;
    if (!strcmp(name, "cuLaunchKernel")) return (void *)launch;
    if (!strcmp(name, "cuGetErrorString")) return (void *)describe;
    return (void *)nothing;
}

int cuGetProcAddress(const char *name, void **found, int version, uint64_t flags) {
    *found = find(name);
    return 0;
}

int cuGetProcAddress_v2(const char *name, void **found, int version, uint64_t flags,
                        int *status) {
    *found = find(name);
    if (status) *status = 0;
    return 0;
}
