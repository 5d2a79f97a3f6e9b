// Bytes on their way through the engine: counted slabs and slices of them. A slice is cut for free;
// copying bytes is a decision that has a name (Slice::copy_of).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace base {

inline constexpr std::size_t slab_bytes = 64 * 1024;

// A block of memory with a reference count. The count is not atomic: slices of a slab live on one
// thread. Blocks of slab_bytes are recycled, a few per thread.
class Slab {
public:
    // At least `capacity` bytes, count 1.
    static Slab* make(std::size_t capacity = slab_bytes);
    void retain() { ++count_; }
    void release();
    bool unique() const { return count_ == 1; }
    char* data() { return reinterpret_cast<char*>(this + 1); }
    std::size_t capacity() const { return capacity_; }

    // Frees the blocks this thread keeps for its next slabs: when it is idle.
    static void drop_kept();
    // Slabs alive in the process: a test that ends with another number than it began with leaks.
    static std::size_t live();

private:
    explicit Slab(std::size_t capacity) : capacity_(capacity) {}
    std::size_t capacity_;
    std::uint32_t count_ = 1;
};

// A view into a slab that keeps it alive. Loop thread only (Chunk crosses to workers).
class Slice {
public:
    Slice() = default;
    // Takes over one reference of `slab`.
    Slice(Slab* slab, std::size_t begin, std::size_t end)
        : slab_(slab), data_(slab->data() + begin), size_(end - begin) {}
    Slice(const Slice& other) : slab_(other.slab_), data_(other.data_), size_(other.size_) {
        if (slab_) slab_->retain();
    }
    Slice(Slice&& other) noexcept
        : slab_(std::exchange(other.slab_, nullptr)), data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)) {}
    Slice& operator=(Slice other) noexcept {
        std::swap(slab_, other.slab_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Slice() {
        if (slab_) slab_->release();
    }

    // A slice of its own slab holding a copy of `bytes`.
    static Slice copy_of(std::string_view bytes);
    // Bytes that live for ever (string literals): no slab, no count.
    static Slice literal(std::string_view bytes) {
        Slice slice;
        slice.data_ = const_cast<char*>(bytes.data());
        slice.size_ = bytes.size();
        return slice;
    }

    const char* data() const { return data_; }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    std::string_view view() const { return {data_, size_}; }
    std::string text() const { return std::string(view()); }

    // A part of this slice: [begin, begin+length), clamped to its end.
    Slice cut(std::size_t begin, std::size_t length = SIZE_MAX) const;
    // Gives up the slab if nobody else holds a slice of it (see Chunk).
    bool unique() const { return slab_ != nullptr && slab_->unique(); }

private:
    friend class Chunk;
    Slab* slab_ = nullptr;
    char* data_ = nullptr;
    std::size_t size_ = 0;
};

// A slab that nobody else holds, with its filled range: the form in which bytes cross threads.
class Chunk {
public:
    Chunk() = default;
    // Moves the slab if the slice is its only holder, else copies the bytes into a new one.
    explicit Chunk(Slice slice);
    Chunk(Chunk&& other) noexcept
        : slab_(std::exchange(other.slab_, nullptr)), data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)) {}
    Chunk& operator=(Chunk&& other) noexcept {
        std::swap(slab_, other.slab_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Chunk() {
        if (slab_) slab_->release();
    }
    const char* data() const { return data_; }
    std::size_t size() const { return size_; }
    std::string_view view() const { return {data_, size_}; }
    Slice into_slice() &&;

private:
    Slab* slab_ = nullptr;
    char* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace base

using base::Chunk;
using base::Slab;
using base::Slice;
