#include "base/bytes.h"

#include <atomic>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

namespace base {

namespace {

// More kept blocks than this are memory nobody asked for; fewer make malloc the hot path of a pull.
constexpr std::size_t kept_slabs_max = 16;

struct Kept {
    std::vector<void*> blocks;
    ~Kept() {
        for (void* block : blocks)
            std::free(block);
    }
};
thread_local Kept kept;
std::atomic<std::size_t> live_slabs{0};

}  // namespace

void Slab::drop_kept() {
    for (void* block : kept.blocks)
        std::free(block);
    kept.blocks.clear();
}

Slab* Slab::make(std::size_t capacity) {
    void* block = nullptr;
    if (capacity == slab_bytes && !kept.blocks.empty()) {
        block = kept.blocks.back();
        kept.blocks.pop_back();
    } else {
        block = std::malloc(sizeof(Slab) + capacity);
        if (block == nullptr) std::abort();
    }
    live_slabs.fetch_add(1, std::memory_order_relaxed);
    return new (block) Slab(capacity);
}

void Slab::release() {
    assert(count_ > 0);
    if (--count_ > 0) return;
    live_slabs.fetch_sub(1, std::memory_order_relaxed);
    std::size_t capacity = capacity_;
    this->~Slab();
    if (capacity == slab_bytes && kept.blocks.size() < kept_slabs_max)
        kept.blocks.push_back(this);
    else
        std::free(this);
}

std::size_t Slab::live() { return live_slabs.load(std::memory_order_relaxed); }

Slice Slice::copy_of(std::string_view bytes) {
    if (bytes.empty()) return Slice();
    Slab* slab = Slab::make(bytes.size());
    std::memcpy(slab->data(), bytes.data(), bytes.size());
    return Slice(slab, 0, bytes.size());
}

Slice Slice::cut(std::size_t begin, std::size_t length) const {
    if (begin > size_) begin = size_;
    if (length > size_ - begin) length = size_ - begin;
    Slice part(*this);
    part.data_ += begin;
    part.size_ = length;
    return part;
}

Chunk::Chunk(Slice slice) {
    if (!slice.unique()) slice = Slice::copy_of(slice.view());
    slab_ = std::exchange(slice.slab_, nullptr);
    data_ = slice.data_;
    size_ = slice.size_;
}

Slice Chunk::into_slice() && {
    Slice slice;
    slice.slab_ = std::exchange(slab_, nullptr);
    slice.data_ = std::exchange(data_, nullptr);
    slice.size_ = std::exchange(size_, 0);
    return slice;
}

}  // namespace base
