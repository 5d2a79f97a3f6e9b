// Gives memory back when nobody has asked for anything for a while: what a pull or a burst of
// requests needed is not held until the next one.
#pragma once

#include "loop/scope.h"
#include "loop/wait.h"
#include "loop/workers.h"
#include "store/store.h"

namespace lighterd {

class Idle {
public:
    // Both outlive it.
    Idle(Workers& workers, store::Store& store);
    ~Idle();  // after close()

    // Something was done: the wait begins anew. Costs a comparison.
    void touch();
    Task<void> close();

private:
    Task<void> watch();

    Workers& workers_;
    store::Store& store_;
    loop::Event touched_;
    Scope scope_;
};

}  // namespace lighterd
