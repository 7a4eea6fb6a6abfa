#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# Every public header compiles alone, twice, and before and after the headers
# that declare the same things, in every language and with every compiler that
# is installed, without a warning; and a 32-bit program with a 64-bit time_t
# gets the functions made for it.
set -u

# shellcheck source=tests/scripts/harness.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/scripts/harness.sh"
include=$source/include
cd "$dir" || exit 99

warnings='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
	-Werror'
others='linux/aio_abi.h libaio.h aio.h'
compiled=0

cat >uses.h <<'END'
static int uses(kaio_context_t ctx)
{
	struct kaio_iocb iocb;
	struct kaio_event event = { 0, 0, 0, 0 };
	struct kaio_ring ring;
	unsigned nr;

	kaio_prep_preadv(&iocb, 0, 0, 0, 0);
	kaio_prep_poll(&iocb, 0, 1);
	kaio_iocb_set_data(&iocb, &iocb);
	kaio_iocb_set_rw_flags(&iocb, KAIO_RWF_NOWAIT | KAIO_RWF_DSYNC);
	kaio_iocb_set_ioprio(&iocb, KAIO_IOPRIO(KAIO_IOPRIO_CLASS_BE, 7));
	kaio_iocb_set_eventfd(&iocb, 0);
	kaio_iocb_clear_eventfd(&iocb);
	if (kaio_event_data(&event) || kaio_event_iocb(&event) ||
	    kaio_ring_attach(&ring, ctx) || !kaio_ring_peek(&ring, &nr))
		return 0;
	return kaio_getevents(ctx, 0, 0, &event, 0) +
	       kaio_pgetevents(ctx, 0, 0, &event, 0, 0) +
	       kaio_ring_reap(&ring, &event, 1);
}

int main(void)
{
	return uses(0);
}
END

# compile COMMAND... FILE: it must, and silently.
compile() {
	compiled=$((compiled + 1))
	if ! "$@" >log 2>&1 || [ -s log ]; then
		fail "$*"
		for file; do :; done
		cat "$file" log
	fi
}

# program LANGUAGE HEADER...: a program of these headers, its name in $file
program() {
	file=program.$1
	shift
	printf '#include <%s>\n' "$@" >"$file"
	case " $* " in
	*" kaio.h "*) cat uses.h >>"$file" ;;
	*) echo 'int main(void) { return 0; }' >>"$file" ;;
	esac
}

# The drop-in's, without what hides its warnings from users.
mkdir bare
grep -v '^#pragma GCC system_header' "$include/kaio-libaio/libaio.h" \
	>bare/libaio.h

# unwarned COMMAND...: it compiles as a header of the system does, in standards
# and with warnings that it is not written for
unwarned() {
	program "$language" libaio.h
	case $language in
	c) strict='-Wc++-compat -Wundef -std=gnu89' ;;
	*) strict='-Wold-style-cast -Wundef -std=gnu++98' ;;
	esac
	# shellcheck disable=SC2086 # words
	compile "$@" $warnings $strict \
		-I"$include/kaio-libaio" -fsyntax-only "$file"
}

# libaio LANGUAGE COMMAND...: the drop-in's header, as its users include it;
# like libaio's, it has the names of <linux/aio_abi.h>
libaio() {
	language=$1
	shift
	unwarned "$@"
	for beside in libaio.h kaio.h aio.h; do
		for order in "libaio.h $beside" "$beside libaio.h"; do
			# shellcheck disable=SC2086 # words
			program "$language" $order
			# shellcheck disable=SC2086
			compile "$@" $warnings -D_GNU_SOURCE -I"$include" \
				-Ibare -fsyntax-only "$file"
		done
	done
	program "$language" libaio.h
	# shellcheck disable=SC2086
	compile "$@" $warnings -Ibare -fsyntax-only "$file"
}

# headers LANGUAGE COMMAND...
headers() {
	language=$1
	shift
	for header in kaio.h $(cd "$include" && ls kaio/*.h); do
		program "$language" "$header" "$header"
		# shellcheck disable=SC2086 # the warnings are words
		compile "$@" $warnings -I"$include" -fsyntax-only "$file"
	done
	libaio "$language" "$@"
	for other in $others; do
		program "$language" "$other"
		if ! "$@" -D_GNU_SOURCE -fsyntax-only "$file" \
			>/dev/null 2>&1; then
			skip "<$other> does not compile alone: $*"
			continue
		fi
		program "$language" kaio.h "$other"
		# shellcheck disable=SC2086
		compile "$@" $warnings -D_GNU_SOURCE -I"$include" \
			-fsyntax-only "$file"
		program "$language" "$other" kaio.h
		# shellcheck disable=SC2086
		compile "$@" $warnings -D_GNU_SOURCE -I"$include" \
			-fsyntax-only "$file"
	done
}

# refers SYMBOL COMMAND...: the object calls it, and not its other width.
refers() {
	symbol=$1
	shift
	compile "$@" -I"$include" -c -o object.o "$file"
	for call in getevents pgetevents; do
		nm -u object.o 2>/dev/null | grep -q "U kaio_$call$symbol\$" &&
			continue
		fail "no kaio_$call$symbol in the object of: $*"
		nm -u object.o
	done
}

# compiler LANGUAGE COMMAND STANDARD...
compiler() {
	language=$1
	command=$2
	shift 2
	if ! command -v "$command" >/dev/null; then
		skip "$command is not installed"
		return
	fi
	for standard; do
		program "$language" stdlib.h
		if ! "$command" "-std=$standard" -fsyntax-only "$file" \
			2>/dev/null; then
			skip "$command has no -std=$standard"
			continue
		fi
		headers "$language" "$command" "-std=$standard"
		# errno.h: other compilers' packages take its half away.
		program "$language" errno.h
		printf '#ifndef __GLIBC__\n#error\n#endif\n' >>"$file"
		if ! "$command" "-std=$standard" -m32 -c -o object.o "$file" \
			2>/dev/null; then
			skip "$command cannot compile for 32-bit glibc"
			continue
		fi
		headers "$language" "$command" "-std=$standard" -m32
		program "$language" kaio.h
		refers '' "$command" "-std=$standard" -m32
		headers "$language" "$command" "-std=$standard" -m32 \
			-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
		program "$language" kaio.h
		refers _time64 "$command" "-std=$standard" -m32 \
			-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
	done
}

for command in gcc clang musl-gcc; do
	compiler c $command c99 c11 c2x
done
for command in g++ clang++; do
	compiler cc $command c++11 c++20
done

echo "$compiled compiled, $failed failed"
[ "$failed" -eq 0 ] || exit 1
[ "$compiled" -gt 0 ] || exit 77
