#pragma once

#include <dlfcn.h>

#include <cstdlib>

// What the program's own C library has. These are part of libdl before glibc 2.34, which not every program has.
extern "C" {
void* dlsym(void*, const char*) __attribute__((weak));
void* dlopen(const char*, int) __attribute__((weak));
int dlclose(void*) __attribute__((weak));
int dladdr(const void*, Dl_info*) __attribute__((weak));
}
