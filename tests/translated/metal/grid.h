// Runs the workgroups of a kernel, whose buffers come through stdin and go back through stdout.
//
// Invocations of a workgroup take turns on one thread: each runs to its next barrier, then the next
// one. All must come to the same barriers, or this ends with a message.
#pragma once

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "metal_stdlib"

static_assert(sizeof 1.0 == sizeof(float), "literals are floats, as in MSL");

// What Metal tells an invocation of itself.
struct Invocation {
    metal::uint3 threadgroup_position_in_grid;
    metal::uint3 thread_position_in_threadgroup;
    unsigned thread_index_in_threadgroup;
};

// A variable in workgroup memory.
struct Shared {
    void* start;
    size_t bytes;
};

// A buffer: an argument of whichever type the kernel wants.
struct Buffer {
    void* start;
    template <class T> operator T&() const { return *static_cast<T*>(start); }
};

struct Kernel {
    void (*invoke)(const Invocation&, const Buffer*);
    unsigned size[3];
    bool has_barriers;
    Shared shared[4];
};

extern const Kernel kernels[];

namespace {

// Metal's largest workgroup.
constexpr unsigned MOST = 1024;
constexpr size_t STACK = 256 * 1024;
// A NaN: what workgroup memory holds before a kernel writes it.
constexpr unsigned POISON = 0x7fc0dead;

enum State { FRESH, WAITING, DONE };

struct Fiber {
    jmp_buf here;
    State state;
    Invocation invocation;
};

const Kernel* running;
const Buffer* buffers;
Fiber fibers[MOST];
unsigned current;
jmp_buf scheduler;
ucontext_t scheduler_context;

[[noreturn]] void fail(const char* message) {
    fprintf(stderr, "%s\n", message);
    exit(1);
}

// A fiber's life: one invocation after another.
void live() {
    for (;;) {
        Fiber& fiber = fibers[current];
        running->invoke(fiber.invocation, buffers);
        fiber.state = DONE;
        if (_setjmp(fiber.here) == 0) _longjmp(scheduler, 1);
    }
}

// Goes on with a fiber until it waits or is done.
void resume(unsigned index) {
    current = index;
    if (_setjmp(scheduler) == 0) _longjmp(fibers[index].here, 1);
}

// Gives every fiber its stack, on which it waits for its first turn.
void make_fibers(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        void* stack = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (stack == MAP_FAILED) fail("no memory for a stack");
        ucontext_t context;
        getcontext(&context);
        context.uc_stack.ss_sp = stack;
        context.uc_stack.ss_size = STACK;
        context.uc_link = nullptr;
        makecontext(&context, [] {
            if (_setjmp(fibers[current].here) == 0) setcontext(&scheduler_context);
            live();
        }, 0);
        current = i;
        swapcontext(&scheduler_context, &context);
    }
}

void run_workgroup(unsigned count) {
    for (const Shared& shared : running->shared) {
        for (size_t i = 0; i < shared.bytes / sizeof POISON; i++) {
            memcpy(static_cast<char*>(shared.start) + i * sizeof POISON, &POISON, sizeof POISON);
        }
    }
    if (!running->has_barriers) {
        for (unsigned i = 0; i < count; i++) running->invoke(fibers[i].invocation, buffers);
        return;
    }
    for (bool more = true; more;) {
        unsigned waiting = 0;
        for (unsigned i = 0; i < count; i++) {
            fibers[i].state = FRESH;
            resume(i);
            waiting += fibers[i].state == WAITING;
        }
        if (waiting != 0 && waiting != count) fail("a barrier that not all invocations of a workgroup reach");
        more = waiting != 0;
    }
}

void read_all(void* start, size_t bytes) {
    if (fread(start, 1, bytes, stdin) != bytes) fail("the input ends early");
}

unsigned read_word() {
    unsigned word;
    read_all(&word, sizeof word);
    return word;
}

} // namespace

void metal::threadgroup_barrier(metal::mem_flags) {
    Fiber& fiber = fibers[current];
    fiber.state = WAITING;
    if (_setjmp(fiber.here) == 0) _longjmp(scheduler, 1);
}

// Reads the kernel's number, the workgroups along x, y and z, and how many buffers there are; then
// for each the number of its words and the words. Writes the words of all of them.
int main() {
    // A kernel that does not end is ended.
    alarm(600);
    running = &kernels[read_word()];
    const unsigned groups_x = read_word(), groups_y = read_word(), groups_z = read_word();
    const unsigned count = read_word();
    // Behind the last one, Metal's host has the sizes of all in bytes.
    static unsigned sizes[32];
    static Buffer list[32];
    if (count >= 32) fail("more than 31 buffers");
    for (unsigned i = 0; i < count; i++) {
        sizes[i] = 4 * read_word();
        list[i].start = aligned_alloc(256, (sizes[i] + 255) / 256 * 256);
        if (list[i].start == nullptr) fail("no memory for a buffer");
        read_all(list[i].start, sizes[i]);
    }
    list[count].start = sizes;
    buffers = list;

    const unsigned* size = running->size;
    const unsigned invocations = size[0] * size[1] * size[2];
    if (running->has_barriers) make_fibers(invocations);
    for (unsigned z = 0; z < groups_z; z++) {
        for (unsigned y = 0; y < groups_y; y++) {
            for (unsigned x = 0; x < groups_x; x++) {
                for (unsigned i = 0; i < invocations; i++) {
                    const metal::uint3 position(i % size[0], i / size[0] % size[1], i / size[0] / size[1]);
                    fibers[i].invocation = {metal::uint3(x, y, z), position, i};
                }
                run_workgroup(invocations);
            }
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (fwrite(list[i].start, 1, sizes[i], stdout) != sizes[i]) fail("the output is closed");
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
