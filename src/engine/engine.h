// All of the engine that the API drives, wired once in daemon/main.cc. Nothing is owned here.
#pragma once

#include "engine/check.h"
#include "engine/containers.h"
#include "engine/events.h"
#include "engine/exec.h"
#include "engine/images.h"
#include "engine/network.h"
#include "engine/system.h"

#include <functional>

namespace engine {

struct Engine {
    Loop& loop;
    Workers& workers;
    Images& images;
    const registry::Link& registries;  // what is asked of registries straight
    Containers& containers;
    Checks& checks;
    Execs& execs;
    Network& network;
    Events& events;
    const sys::CgroupHost& cgroups;
    std::function<SystemInfo()> system;  // for info: gathered when asked
};

}  // namespace engine
