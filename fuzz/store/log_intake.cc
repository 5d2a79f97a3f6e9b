// An intake file of any bytes, as a killed daemon of another version or a bad disk may leave it: it is
// finished or begun anew, and the log stays readable.
#include "store/log_intake.h"
#include "sys/file.h"

#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using codec::LogStream;
    char scratch[] = "/tmp/lighter-fuzz-intake-XXXXXX";
    if (::mkdtemp(scratch) == nullptr) std::abort();
    auto folder = sys::open_folder(scratch);
    if (!folder) std::abort();
    {
        // The first bytes of both areas, which lie far apart in the file; the rest are holes.
        store::LogIntake made = store::LogIntake::open(*folder, "intake").value();
        auto file = sys::open_at(*folder, "intake", O_RDWR);
        if (!file) std::abort();
        std::string_view text(reinterpret_cast<const char*>(data), size);
        off_t half = ::lseek(file->get(), 0, SEEK_END) / 2;
        for (off_t start : {off_t(0), half}) {
            std::string_view part = text.substr(0, start == 0 ? text.size() / 2 : text.npos);
            if (::pwrite(file->get(), part.data(), part.size(), start) < 0) std::abort();
            text.remove_prefix(part.size());
        }
    }
    auto log = store::LogWriter::open(folder->duplicate().value(), "log", {});
    auto intake = store::LogIntake::open(*folder, "intake");
    if (!log || !intake || !store::finish_log(*log, *intake)) std::abort();
    for (LogStream stream : {LogStream::out, LogStream::err}) {
        if (intake->state(stream) != store::LogIntake::State::idle) std::abort();
        intake->take(stream, 0, Time{1});
        if (!store::log_taken(*log, *intake, stream)) std::abort();
    }
    auto parent = sys::open_folder("/tmp");
    if (parent) (void)sys::remove_tree(*parent, std::string(scratch).substr(5));
    return 0;
}
