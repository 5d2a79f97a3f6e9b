// A uv handle in a block of its own. Dropping it calls uv_close(); the close callback frees the
// block, the owner does not wait. Included by src/loop/*.cc only.
#pragma once

#include <utility>
#include <uv.h>

namespace loop {

template <class H> class Handle {
public:
    Handle() = default;
    // A zeroed block whose handle->data is null; init it before the Handle is dropped.
    static Handle make() {
        Handle handle;
        handle.block_ = new H{};
        return handle;
    }
    Handle(Handle&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    Handle& operator=(Handle&& other) noexcept {
        if (this != &other) {
            reset();
            block_ = std::exchange(other.block_, nullptr);
        }
        return *this;
    }
    ~Handle() { reset(); }

    H* get() const { return block_; }
    H* operator->() const { return block_; }
    explicit operator bool() const { return block_ != nullptr; }
    void reset() {
        if (block_ == nullptr) return;
        block_->data = nullptr;
        uv_close(reinterpret_cast<uv_handle_t*>(std::exchange(block_, nullptr)),
                 [](uv_handle_t* closed) { delete reinterpret_cast<H*>(closed); });
    }
    // For a block whose uv_xxx_init() failed: there is nothing to close.
    void drop_uninitialised() { delete std::exchange(block_, nullptr); }

private:
    H* block_ = nullptr;
};

}  // namespace loop
