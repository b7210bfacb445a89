#pragma once

#include <dlfcn.h>

#include <cstdlib>

// Provided by the program's own C library. Before glibc 2.34 these are part of libdl, which not every program loads.
extern "C" {
void* dlsym(void*, const char*) __attribute__((weak));
void* dlopen(const char*, int) __attribute__((weak));
int dlclose(void*) __attribute__((weak));
int dladdr(const void*, Dl_info*) __attribute__((weak));
}
