// Checking credentials at a registry: what POST /auth does.
#pragma once

#include "registry/session.h"

namespace registry {

struct LoginOrder {
    std::string server;  // "localhost:5000", a URL, or Docker Hub's auth address; empty: Docker Hub
    Caller caller;
};

// The registry's host: "localhost:5000" of "https://localhost:5000/v1/". invalid for what is none.
Result<std::string> login_host(std::string_view server);

// Ends with the identity token, "" when the registry gives none. unauthorized when it says no.
// Never a mirror's business: credentials are for the registry itself.
Task<Result<std::string>> login(const Link& link, LoginOrder order);

}  // namespace registry
