// A loop for one test: runs a task to its end, fails when nothing is left that could end it, and
// fails when a handle or a slab is left behind.
#pragma once

#include "base/bytes.h"
#include "loop/loop.h"

#include <boost/test/unit_test.hpp>

namespace support {

class LoopFixture {
public:
    LoopFixture() : slabs_before_(Slab::live()), loop_(std::make_unique<Loop>()) {}
    ~LoopFixture() {
        loop_.reset();  // asserts that no handle is open
        BOOST_TEST(Slab::live() == slabs_before_);
    }
    void run(Task<void> task) {
        bool finished = loop_->run(std::move(task));
        BOOST_REQUIRE_MESSAGE(finished, "deadlock: the task waits and nothing is left to happen");
    }
    Loop& loop() { return *loop_; }

private:
    std::size_t slabs_before_;
    std::unique_ptr<Loop> loop_;
};

}  // namespace support
