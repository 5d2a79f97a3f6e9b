// Precompiled for the test programs: Boost.Test beside what the rooms have.
#pragma once

#include "../../src/pch/std.h"

#include <boost/test/unit_test.hpp>
