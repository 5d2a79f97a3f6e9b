// The rules of `cp`: what is a container's path and what a local one, what a trailing slash or "/."
// means, and which name what is copied gets. As docker's, so that scripts go on working. Paths are
// taken as text here, but where said.
#pragma once

#include "base/error.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace cli {

// "CONTAINER:PATH"; an empty container for a local path: an absolute one, one that begins with a
// dot, or one without a colon.
struct CopyArgument {
    std::string container, path;
};
CopyArgument parse_copy_argument(const std::string& text);

// Go's filepath.Clean, Dir, Base and Join.
std::string clean_local(std::string_view path);
std::string folder_part(std::string_view path);
std::string base_part(std::string_view path);
std::string join_local(std::string_view folder, std::string_view name);

// `cleaned` with the "/" or "/." that `path` ends with.
std::string keep_ending(std::string cleaned, std::string_view path);
// Folder and last element of a path, the latter "." for one that ends so.
std::pair<std::string, std::string> split_entry(std::string_view path);
// `resolved` (where a link at `path` leads), with the ending of `path`; and the name that what is
// copied has to keep, if its own is another now.
std::pair<std::string, std::string> rebased(std::string_view path, std::string resolved);

// One end of a copy.
struct CopyEnd {
    std::string path;
    bool exists = false, folder = false;
    std::string rebase_name;  // what a source is called instead of the name of `path`
};

// Where an archive of the source is to be unpacked, and which first name in it becomes another.
struct CopyPlan {
    std::string folder;
    std::optional<std::pair<std::string, std::string>> rename;
};
// invalid "cannot copy directory" or "no such directory".
Result<CopyPlan> plan_copy(const CopyEnd& source, const CopyEnd& target);

// Of local files: these look at the disk. A link as source is followed if `follow` says so; a link
// as target always.
Result<CopyEnd> local_source(const std::string& path, bool follow);
Result<CopyEnd> local_target(const std::string& path);
// Refuses devices, and folders that are not there, in docker's words.
Status check_output(const std::string& path);
// The same of a container's file by its mode, Go's os.FileMode.
Status check_output_mode(std::uint32_t mode);

}  // namespace cli
