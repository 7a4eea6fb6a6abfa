# shellcheck shell=sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# stenotype writes the packets that it sees to a file, in blocks of 1 MiB.

# packets COUNT: through the loopback interface
packets() {
	python3 - "$1" <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		for i in range(int(sys.argv[1])):
		    s.sendto(b"kaio %08d " % i + b"x" * 1000, ("127.0.0.1", 9))
	END
}

# captured FILE...: the numbers of the packets, each once
captured() {
	grep -aoh 'kaio [0-9]\{8\} ' "$@" | sort -u
}

stenotype_writes() {
	need stenotype python3
	need_root stenotype
	need_direct_io
	mkdir -p files/PKT0
	start stenotype --iface=lo --dir="$PWD/files" --uid=root --gid=root \
		--seccomp=none --no_index --no_watchdogs --blocks=64 --aiops=16 \
		--blockage_sec=1 --preallocate_file_mb=64
	watch
	packets 10000
	seq -f 'kaio %08.0f ' 0 9999 >expected
	captured_all() {
		captured files/PKT0/.[0-9]* | cmp -s - expected
	}
	retry captured_all
}

stenotype_tests() {
	check "stenotype$1" stenotype_writes
}
