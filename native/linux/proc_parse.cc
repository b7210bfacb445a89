#include "linux/proc_parse.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>

namespace oximy {
namespace {

template <typename T>
std::optional<T> ParseNumber(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/** Cuts the next field off `text`; fields are separated by any of `separators`, runs count as one. */
std::string_view NextField(std::string_view& text, std::string_view separators = " \t") {
  const size_t start = text.find_first_not_of(separators);
  if (start == std::string_view::npos) {
    text = {};
    return {};
  }
  const size_t end = text.find_first_of(separators, start);
  const std::string_view field = text.substr(start, end == std::string_view::npos ? end : end - start);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end);
  return field;
}

std::string_view NextLine(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  return line;
}

bool StartsWith(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

/** mountinfo writes space, tab, newline and backslash as \ooo. */
std::string UndoOctalEscapes(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      if (const auto byte = ParseNumber<unsigned>(text.substr(i + 1, 3), 8); byte && *byte < 256) {
        plain.push_back(static_cast<char>(*byte));
        i += 3;
        continue;
      }
    }
    plain.push_back(text[i]);
  }
  return plain;
}

}  // namespace

std::optional<ProcStat> ParseProcStat(std::string_view text) {
  // The name is in parentheses and may contain parentheses itself: it ends at the last one.
  const size_t open = text.find('(');
  const size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;

  std::string_view head = text.substr(0, open);
  const auto pid = ParseNumber<int>(NextField(head));
  std::string_view rest = text.substr(close + 1);
  const std::string_view state = NextField(rest);
  const auto ppid = ParseNumber<int>(NextField(rest));
  // Fields 5 to 21 of proc(5) lie between ppid (4) and starttime (22).
  for (int field = 5; field < 22; field++) NextField(rest);
  const auto start_time = ParseNumber<uint64_t>(NextField(rest, " \n"));
  if (!pid || state.size() != 1 || !ppid || !start_time) return std::nullopt;
  return ProcStat{*pid, std::string(text.substr(open + 1, close - open - 1)), state[0], *ppid, *start_time};
}

std::optional<ProcStatus> ParseProcStatus(std::string_view text) {
  std::optional<int> tgid;
  std::optional<uint32_t> uid;
  while (!text.empty() && !(tgid && uid)) {
    std::string_view line = NextLine(text);
    if (StartsWith(line, "Tgid:")) {
      line.remove_prefix(5);
      tgid = ParseNumber<int>(NextField(line));
    } else if (StartsWith(line, "Uid:")) {
      line.remove_prefix(4);
      NextField(line);  // the real one
      uid = ParseNumber<uint32_t>(NextField(line));
    }
  }
  if (!tgid || !uid) return std::nullopt;
  return ProcStatus{*tgid, *uid};
}

std::vector<std::string> ParseCommandLine(std::string_view bytes) {
  std::vector<std::string> arguments;
  while (!bytes.empty()) {
    const size_t end = bytes.find('\0');
    arguments.emplace_back(bytes.substr(0, end));
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
  }
  // A process that changed its title leaves trailing zero bytes.
  while (!arguments.empty() && arguments.back().empty()) arguments.pop_back();
  return arguments;
}

std::optional<ProcGroups> ParseProcGroups(std::string_view status) {
  std::optional<ProcGroups> groups;
  while (!status.empty()) {
    std::string_view line = NextLine(status);
    if (StartsWith(line, "Gid:")) {
      line.remove_prefix(4);
      NextField(line);  // the real one
      const auto effective = ParseNumber<uint32_t>(NextField(line));
      if (!effective) return std::nullopt;
      groups.emplace().effective = *effective;
    } else if (groups && StartsWith(line, "Groups:")) {
      line.remove_prefix(7);
      for (auto field = NextField(line); !field.empty(); field = NextField(line)) {
        if (const auto id = ParseNumber<uint32_t>(field)) groups->others.push_back(*id);
      }
      return groups;
    }
  }
  return std::nullopt;
}

std::optional<std::vector<std::pair<std::string, std::string>>> ParseEnvironment(
    std::string_view bytes, const std::vector<std::string>& names) {
  std::vector<std::pair<std::string, std::string>> found;
  bool is_first = true;
  while (!bytes.empty()) {
    const size_t end = bytes.find('\0');
    const std::string_view variable = bytes.substr(0, end);
    const size_t equals = variable.find('=');
    // execve(2) requires no format, but a first entry without a name is in practice a title.
    if (is_first && (equals == std::string_view::npos || equals == 0)) return std::nullopt;
    is_first = false;
    if (equals != std::string_view::npos) {
      const std::string_view name = variable.substr(0, equals);
      // If a name occurs twice, getenv(3) returns the first.
      const auto is_known = [&found](std::string_view other) {
        return std::any_of(found.begin(), found.end(), [other](const auto& pair) { return pair.first == other; });
      };
      if (std::find(names.begin(), names.end(), name) != names.end() && !is_known(name)) {
        found.emplace_back(name, variable.substr(equals + 1));
      }
    }
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
  }
  return found;
}

std::vector<std::string> ParseExecutableMappings(std::string_view text) {
  std::vector<std::string> files;
  while (!text.empty()) {
    std::string_view line = NextLine(text);
    NextField(line);  // addresses
    const std::string_view permissions = NextField(line);
    if (permissions.size() < 3 || permissions[2] != 'x') continue;
    for (int field = 3; field < 6; field++) NextField(line);  // offset, device, inode
    const size_t start = line.find_first_not_of(' ');
    if (start == std::string_view::npos || line[start] != '/') continue;
    const std::string_view path = line.substr(start);
    if (files.empty() || files.back() != path) files.emplace_back(path);
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

std::string ParseCgroupPath(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = NextLine(text);
    if (StartsWith(line, "0::")) return std::string(line.substr(3));
  }
  return {};
}

std::optional<bool> ParseCloseOnExec(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = NextLine(text);
    if (!StartsWith(line, "flags:")) continue;
    line.remove_prefix(6);
    const auto flags = ParseNumber<unsigned>(NextField(line), 8);
    if (!flags) return std::nullopt;
    return (*flags & O_CLOEXEC) != 0;
  }
  return std::nullopt;
}

std::string ParseCgroup2MountPoint(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = NextLine(text);
    const size_t separator = line.find(" - ");
    if (separator == std::string_view::npos) continue;
    std::string_view tail = line.substr(separator + 3);
    if (NextField(tail) != "cgroup2") continue;
    std::string_view head = line.substr(0, separator);
    // proc_pid_mountinfo(5): id, parent, major:minor, root, mount point. Only a mount of the whole hierarchy qualifies.
    for (int field = 0; field < 3; field++) NextField(head);
    if (NextField(head) != "/") continue;
    return UndoOctalEscapes(NextField(head));
  }
  return {};
}

std::optional<int> ParseId(std::string_view name) {
  const auto id = ParseNumber<int>(name);
  return id && *id >= 0 ? id : std::nullopt;
}

std::vector<int> ParseIds(std::string_view text) {
  std::vector<int> ids;
  for (auto field = NextField(text, " \n"); !field.empty(); field = NextField(text, " \n")) {
    if (const auto id = ParseId(field)) ids.push_back(*id);
  }
  return ids;
}

std::string_view WithoutDeletedMark(std::string_view path) {
  constexpr std::string_view kMark = " (deleted)";
  if (path.size() <= kMark.size() || path.substr(path.size() - kMark.size()) != kMark) return path;
  return path.substr(0, path.size() - kMark.size());
}

}  // namespace oximy
