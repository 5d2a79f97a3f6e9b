// docker-credential-NAME: a program that keeps secrets; it is asked on its standard input and
// answers on its standard output.
#pragma once

#include "base/error.h"

#include <string>

namespace cli {

struct Secret {
    std::string username, secret;  // both empty: none is known
};

Result<Secret> get_secret(const std::string& helper, const std::string& server);
Status store_secret(const std::string& helper, const std::string& server, const Secret& secret);
Status erase_secret(const std::string& helper, const std::string& server);
// Whether that program is in PATH.
bool has_program(const std::string& name);

}  // namespace cli
