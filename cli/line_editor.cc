#include "cli/line_editor.h"

#include <sys/stat.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <fcntl.h>
#include <histedit.h>
#include <langinfo.h>
#include <signal.h>
#include <unistd.h>

namespace walrus::cli {
namespace {

/// libedit measures the prompt in the locale's characters; the prompt is UTF-8 whatever the locale.
void use_utf8_locale() {
  std::setlocale(LC_CTYPE, "");
  if (std::string_view(::nl_langinfo(CODESET)) != "UTF-8") std::setlocale(LC_CTYPE, "C.UTF-8");
}

}  // namespace

class LineEditor::Terminal {
 public:
  Terminal(std::string prompt, std::filesystem::path history_file, Completer completer)
      : prompt_(std::move(prompt)), history_file_(std::move(history_file)), completer_(std::move(completer)) {
    use_utf8_locale();
    editor_ = ::el_init("walrus-cli", stdin, stdout, stderr);
    history_ = ::history_init();
    HistEvent event;
    ::history(history_, &event, H_SETSIZE, kMaxHistoryLines);
    ::history(history_, &event, H_SETUNIQUE, 1);
    if (!history_file_.empty()) ::history(history_, &event, H_LOAD, history_file_.c_str());
    ::el_set(editor_, EL_CLIENTDATA, this);
    ::el_set(editor_, EL_PROMPT, &Terminal::prompt);
    ::el_set(editor_, EL_EDITOR, "emacs");
    ::el_set(editor_, EL_SIGNAL, 1);
    ::el_set(editor_, EL_HIST, ::history, history_);
    ::el_wset(editor_, EL_ADDFN, L"walrus-complete", L"complete the word", &Terminal::on_tab);
    ::el_wset(editor_, EL_ADDFN, L"walrus-quit", L"leave the shell", &Terminal::on_interrupt);
    ::el_set(editor_, EL_BIND, "^I", "walrus-complete", nullptr);
    ::el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    // While a line is edited Ctrl-C and Ctrl-Z are keys, not signals: what else runs on the terminal (a cluster that
    // the same script started) is not told to stop.
    ::el_set(editor_, EL_SETTY, "-d", "-isig", nullptr);
    ::el_set(editor_, EL_BIND, "^C", "walrus-quit", nullptr);
    ::el_wset(editor_, EL_ADDFN, L"walrus-suspend", L"stop until the shell goes on", &Terminal::on_suspend);
    ::el_set(editor_, EL_BIND, "^Z", "walrus-suspend", nullptr);
  }

  ~Terminal() {
    ::history_end(history_);
    ::el_end(editor_);
  }

  std::optional<std::string> read_line() {
    int length = 0;
    interrupted_ = false;
    ::el_set(editor_, EL_PREP_TERM, 1);  // before the prompt invites a key; el_gets() itself does it after
    const char* line = nullptr;
    do {
      errno = 0;
      line = ::el_gets(editor_, &length);
    } while (line == nullptr && errno == EINTR && !interrupted_);
    if (line == nullptr || length <= 0 || interrupted_) return std::nullopt;
    std::string text(line, static_cast<std::size_t>(length));
    if (text.ends_with('\n')) text.pop_back();
    return text;
  }

  void remember(const std::string& line) {
    HistEvent event;
    ::history(history_, &event, H_ENTER, line.c_str());
    if (history_file_.empty()) return;
    // The file exists with its mode before anything stands in it.
    const int descriptor =
        ::open(history_file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (descriptor < 0) return;
    const bool is_private = ::fchmod(descriptor, S_IRUSR | S_IWUSR) == 0;
    ::close(descriptor);
    if (is_private) ::history(history_, &event, H_SAVE, history_file_.c_str());
  }

 private:
  static Terminal& of(EditLine* editor) {
    void* self = nullptr;
    ::el_get(editor, EL_CLIENTDATA, &self);
    return *static_cast<Terminal*>(self);
  }

  static char* prompt(EditLine* editor) { return of(editor).prompt_.data(); }

  static unsigned char on_interrupt(EditLine* editor, int) {
    of(editor).interrupted_ = true;
    return CC_EOF;
  }

  /// As the terminal would have done.
  static unsigned char on_suspend(EditLine* editor, int) {
    ::el_set(editor, EL_PREP_TERM, 0);
    struct sigaction usual{};
    struct sigaction of_libedit{};
    usual.sa_handler = SIG_DFL;
    ::sigaction(SIGTSTP, &usual, &of_libedit);
    ::kill(0, SIGTSTP);
    ::sigaction(SIGTSTP, &of_libedit, nullptr);
    ::el_set(editor, EL_PREP_TERM, 1);
    return CC_REDISPLAY;
  }

  static unsigned char on_tab(EditLine* editor, int) {
    const LineInfo* line = ::el_line(editor);
    const Completion completion =
        of(editor).completer_({line->buffer, static_cast<std::size_t>(line->cursor - line->buffer)});
    if (!completion.insert.empty()) {
      return ::el_insertstr(editor, completion.insert.c_str()) == 0 ? CC_REFRESH : CC_REFRESH_BEEP;
    }
    if (completion.choices.empty()) return CC_REFRESH_BEEP;
    std::fputc('\n', stdout);
    for (const std::string& choice : completion.choices) std::fprintf(stdout, "%s  ", choice.c_str());
    std::fputc('\n', stdout);
    std::fflush(stdout);
    return CC_REDISPLAY;
  }

  std::string prompt_;
  std::filesystem::path history_file_;
  Completer completer_;
  EditLine* editor_ = nullptr;
  History* history_ = nullptr;
  bool interrupted_ = false;
};

LineEditor::LineEditor(std::string prompt, std::filesystem::path history_file, Completer completer)
    : terminal_(std::make_unique<Terminal>(std::move(prompt), std::move(history_file), std::move(completer))) {}
LineEditor::~LineEditor() = default;
std::optional<std::string> LineEditor::read_line() { return terminal_->read_line(); }
void LineEditor::remember(const std::string& line) { terminal_->remember(line); }

}  // namespace walrus::cli
