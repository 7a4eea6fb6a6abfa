# shellcheck shell=sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# InnoDB has a checksum in each page, innochecksum compares them, and a column
# holds checksums of another. Not installed by CI: it is large.

# server SQL: its command line
server() {
	# shellcheck disable=SC2016 # for that shell
	set -- sh -c 'sql=$1; shift; exec "$@" <"$sql"' sh "$1" mariadbd \
		--no-defaults --user="$(id -un)" --bootstrap --skip-grant-tables \
		--datadir="$PWD/data" --innodb-flush-method=O_DIRECT \
		--innodb-buffer-pool-size=8M --innodb-linux-aio=aio
	"$run_server" "$@"
}

mariadb_checks() {
	need mariadbd innochecksum
	need_strace
	need_direct_io
	mariadbd --no-defaults --verbose --help 2>/dev/null |
		grep -q 'innodb-linux-aio' ||
		skip_test "mariadbd has no choice of libaio"
	mkdir data
	cat >load <<-END
		CREATE DATABASE kaio;
		CREATE TABLE kaio.t (n INT PRIMARY KEY, s CHAR(64) CHARACTER SET latin1, KEY (s)) ENGINE=InnoDB;
		INSERT INTO kaio.t SELECT seq, SHA2(seq, 256) FROM kaio.seq_1_to_50000;
	END
	cat >verify <<-END
		SELECT COUNT(*), SUM(s = SHA2(n, 256)) INTO OUTFILE '$PWD/sums' FROM kaio.t FORCE INDEX (s);
	END
	run_server=start
	server load
	watch
	wait "$process"
	innochecksum data/kaio/t.ibd
	run_server=traced
	server verify
	[ "$(xargs <sums)" = '50000 50000' ]
}

mariadb_tests() {
	check "mariadb$1" mariadb_checks
}
