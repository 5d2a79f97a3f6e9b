// All of the engine that the API drives, wired once in daemon/main.cc. Nothing is owned here.
#pragma once

#include "engine/containers.h"
#include "engine/events.h"
#include "engine/images.h"
#include "engine/network.h"

namespace engine {

struct Engine {
    Loop& loop;
    Workers& workers;
    Images& images;
    Containers& containers;
    Network& network;
    Events& events;
};

}  // namespace engine
