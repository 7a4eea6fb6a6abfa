# shellcheck shell=sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# thin-provisioning-tools have checksums in their metadata, and an own text form.

# mappings COUNT FORMAT: of blocks
mappings() {
	awk -v n="$1" -v format="$2\n" \
		'BEGIN { for (i = 0; i < n; i++) printf format, i, n - i }'
}

thin_xml() {
	cat <<-END
		<superblock uuid="" time="7" transaction="1" flags="0" version="2" data_block_size="128" nr_data_blocks="16384">
		  <device dev_id="1" mapped_blocks="8000" transaction="0" creation_time="0" snap_time="0">
		$(mappings 8000 '    <single_mapping origin_block="%d" data_block="%d" time="1"/>')
		  </device>
		</superblock>
	END
}

cache_xml() {
	cat <<-END
		<superblock uuid="" block_size="64" nr_cache_blocks="256" policy="smq" hint_width="4">
		  <mappings>
		$(mappings 256 '    <mapping cache_block="%d" origin_block="%d" dirty="true"/>')
		  </mappings>
		  <hints>
		$(mappings 256 '    <hint cache_block="%d" data="AAAAAA=="/>')
		  </hints>
		</superblock>
	END
}

# there_and_back TOOL: from xml to metadata, and its dump is the same again
there_and_back() {
	need "$1_check"
	need_strace
	need_direct_io
	"$1_xml" >xml
	truncate -s 8M metadata repaired
	traced "$1_restore" -i xml -o metadata
	traced "$1_check" metadata
	traced "$1_dump" metadata >dump
	diff xml dump
	traced "$1_repair" -i metadata -o repaired
	traced "$1_dump" repaired >dump
	diff xml dump
	dd if=/dev/urandom of=metadata bs=4K seek=1 count=8 conv=notrunc
	! traced "$1_check" metadata || die "$1_check sees no difference"
}

# The data of a cache, all dirty, goes back to where it came from. Version 0.9.0
# has a segmentation fault when it updates the metadata, on libaio, too.
cache_writes_back() {
	need cache_writeback
	need_strace
	need_direct_io
	cache_xml >xml
	truncate -s 8M metadata origin
	cache_restore -i xml -o metadata
	truncate -s 16M origin
	head -c 8M /dev/urandom >cache
	traced cache_writeback --no-metadata-update --metadata-device \
		metadata --origin-device origin --fast-device cache
	for block in $(seq 0 255); do
		dd if=cache bs=32K count=1 skip="$block" status=none |
			cmp -n 32768 - origin 0 $(((256 - block) * 32768))
	done
}

thin_provisioning_tests() {
	check "thin-provisioning-tools: thin$1" there_and_back thin
	check "thin-provisioning-tools: cache$1" there_and_back cache
	check "thin-provisioning-tools: write-back$1" cache_writes_back
}
