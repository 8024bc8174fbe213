// What the address sanitizer is told of memory that is handed out in parts; nothing in other
// builds.
#ifndef TARN_BASE_SANITIZER_H
#define TARN_BASE_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ADDRESS_SANITIZER 1
#endif
#endif
#ifndef HAS_ADDRESS_SANITIZER
#define HAS_ADDRESS_SANITIZER 0
#endif

// Nobody may touch hidden memory until it is shown.
#if HAS_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#define MEMORY_HIDE(memory, bytes) __asan_poison_memory_region(memory, bytes)
#define MEMORY_SHOW(memory, bytes) __asan_unpoison_memory_region(memory, bytes)
#else
#define MEMORY_HIDE(memory, bytes) ((void)(memory), (void)(bytes))
#define MEMORY_SHOW(memory, bytes) ((void)(memory), (void)(bytes))
#endif

#endif
