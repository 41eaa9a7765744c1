# ./dev demo: the story, told by tests/demo/demo.py.
run_demo() {
  setup
  build_release
  make_stage
  if [ "${1:-}" = --keep ]; then
    keep_stage=1 keep_servers=1
  fi
  in_stage /usr/bin/python3 tests/demo/demo.py "$@"
}
