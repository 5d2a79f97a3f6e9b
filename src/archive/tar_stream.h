// A tar archive of files as it is read: headers, and contents straight from the files. What decides
// on the entries derives from it. What changes meanwhile ends the archive early, but never wrongly.
// Blocking: one thread at a time.
#pragma once

#include "base/error.h"
#include "codec/tar.h"
#include "sys/fd.h"

#include <cstdint>
#include <map>
#include <string>
#include <sys/stat.h>
#include <utility>

namespace archive {

class TarStream {
public:
    virtual ~TarStream() = default;

    // Fills `out`; 0 is the end. After an error nothing more may be asked.
    Result<std::size_t> read(char* out, std::size_t capacity);

protected:
    // Puts at most one entry; false when there are no more.
    virtual Result<bool> next() = 0;

    // `file` (O_PATH) as `path`; its content follows by itself. A socket makes no entry. Of what
    // has several names, those after the first become hard links to it.
    Status put(const Fd& file, const struct stat& info, const std::string& path);
    // One without content.
    Status put(const codec::tar::Entry& entry);

private:
    Result<std::size_t> read_content(char* out, std::size_t capacity);

    std::map<std::pair<dev_t, ino_t>, std::string> linked_;  // first path of what has more
    std::string pending_;                                    // headers and padding
    std::size_t pending_done_ = 0;
    Fd file_;  // whose content stands next
    std::string file_path_;
    std::uint64_t file_done_ = 0, file_size_ = 0;
    std::uint64_t data_begin_ = 0, data_end_ = 0;  // of a sparse file: where data is
    bool ended_ = false;
};

}  // namespace archive
