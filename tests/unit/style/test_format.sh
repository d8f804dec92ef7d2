#!/bin/sh
# Every C file is as .clang-format has it. Versions of clang-format differ in what they make of it.
#
# usage: test_format.sh SOURCE-DIRECTORY
set -eu
cd "$1"
clang-format --version | grep -q 'version 14\.' || {
	echo "SKIP: clang-format 14 (package clang-format) is missing"
	exit 77
}
find include src tests -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror
