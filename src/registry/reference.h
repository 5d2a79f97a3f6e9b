// Image references as Docker reads them: "centos" is docker.io/library/centos:latest. One grammar,
// length limits, no control characters (security-cases R7).
#pragma once

#include "base/error.h"

#include <string>
#include <string_view>

namespace registry {

// A normalized reference.
struct Target {
    std::string domain;  // "docker.io", "localhost:5000"
    std::string path;    // "library/centos"
    std::string tag;     // empty when only a digest was given, or when all tags are meant
    std::string digest;  // wins over the tag

    std::string familiar_name() const;  // "centos", "user/name", "host:5000/name"
    std::string familiar() const;       // with :tag or @digest
};

// [host[:port]/]path[:tag][@sha256:...], normalized; the tag is "latest" when neither tag nor
// digest is there. invalid in Docker's words.
Result<Target> parse_reference(std::string_view text);
bool is_tag(std::string_view text);

// "docker.io/library/centos:latest": the form of store records. For digests name@digest.
std::string canonical_name(const Target& target);  // "docker.io/library/centos"
std::string canonical_tag(const Target& target);   // + ":tag"
// "docker.io/library/centos:7" -> "centos:7": what users see.
std::string familiar(std::string_view canonical);

}  // namespace registry
