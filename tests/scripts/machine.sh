#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# The test programs in a machine of another architecture, arm64: built here by its
# compiler, with Check's source, and run on Debian's kernel by qemu-system, which
# needs neither root nor a network, on an ext4 of its own. Called by make check-arm64,
# in a build folder, where machine/ keeps what was downloaded and built. With
# arguments, only these programs, like test-queue; MACHINE_ENV has the environment.
#
# qemu translates to instructions of this processor, and keeps the order of its
# memory accesses: a barrier that is missing is not found on one of x86.
set -u

# shellcheck source=tests/scripts/harness.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/scripts/harness.sh"
suite=${SUITE:-bookworm}
mirror=${MIRROR:-http://deb.debian.org/debian}
build=$PWD/machine/build
[ $# -gt 0 ] || set -- test-abi test-abi-ffi test-probe test-queue test-transfer \
	test-libaio test-libaio-inside test-libaio-plugin test-faults
programs=$*

# On Debian gcc for another architecture excludes gcc-multilib.
cc=aarch64-linux-gnu-gcc
command -v "$cc" >/dev/null || cc='clang --target=aarch64-linux-gnu'
for tool in "${cc%% *}" apt-get dpkg-deb qemu-system-aarch64 mkfs.ext4 cpio; do
	PATH=$PATH:/sbin:/usr/sbin command -v "$tool" >/dev/null ||
		skip_all "$tool is not installed"
done
PATH=$PATH:/sbin:/usr/sbin

# apt_get COMMAND...: of Debian for arm64, without touching what this system has
apt_get() {
	tool=apt-$1
	shift
	"$tool" -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 \
		-o Dir::Etc::SourceList="$PWD/sources" \
		-o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$PWD/lists" \
		-o Dir::State::status=/dev/null "$@" || die "$tool $*"
}

download() (
	mkdir -p machine/lists/partial
	cd machine || exit 99
	[ ! -e downloaded ] || exit 0
	key=signed-by=/usr/share/keyrings/debian-archive-keyring.gpg
	printf "%s [$key] $mirror $suite main\n" deb deb-src >sources
	apt_get get update
	kernel=$(apt_get cache depends linux-image-arm64 |
		sed -n 's/.*Depends: \(linux-image-[^ ]*\).*/\1/p' | head -n 1)
	apt_get get download "$kernel" busybox-static
	apt_get get source --download-only check
	for package in *_arm64.deb; do
		dpkg-deb -x "$package" unpacked || exit
	done
	mkdir check
	tar -xf check_*.orig.tar.gz -C check --strip-components=1 &&
		touch downloaded
)

build() (
	mkdir -p "$build"
	cd "$build" || exit 99
	# shellcheck disable=SC2086 # words
	CHECK_SOURCE=$PWD/../check "$source/tests/scripts/static-check.sh" \
		"$PWD/check" $cc || exit
	[ -e Makefile ] || "$source/configure" -q --host=aarch64-linux-gnu \
		CC="$cc" \
		CHECK_CFLAGS="-isystem $PWD/check" \
		CHECK_LIBS="$PWD/check/check.o -pthread -lrt -lm" || exit
	# shellcheck disable=SC2046,SC2086 # words
	make -s -j "$(getconf _NPROCESSORS_ONLN)" all-am \
		$(printf 'tests/%s ' $programs)
)

# The programs find all at the paths that they were built with.
root() (
	mkdir -p "$dir/root$build/tests" "$dir/root$source/include" \
		"$dir/root$build/lib"
	cd "$dir/root" || exit 99
	mkdir -p bin dev proc sys tmp lib var/tmp
	cp ../../machine/unpacked/bin/busybox bin/
	cp -L /usr/aarch64-linux-gnu/lib/*.so.* lib/
	cp -r "$source/include" "./$source/"
	cp -a "$build/lib/.libs" "$build/lib/kaio-libaio" "./$build/lib/"
	for program in $programs; do
		cp "$build/tests/$program" "./$build/tests/"
		[ ! -d "$build/tests/.libs" ] ||
			cp -r "$build/tests/.libs" "./$build/tests/"
	done
	cat >run <<-END
		#!/bin/busybox sh
		cd $build
		export srcdir=$source CK_TIMEOUT_MULTIPLIER=50 ${MACHINE_ENV-}
		for program in $programs; do
			echo "\$program"
			./tests/\$program >log 2>&1 </dev/null
			echo "STATUS \$program \$?"
			grep -v -e '^100%' -e '^Running' log
		done
	END
	chmod +x run
)

initramfs() (
	mkdir -p "$dir/init/bin" "$dir/init/disk" "$dir/init/dev"
	cd "$dir/init" || exit 99
	cp ../../machine/unpacked/bin/busybox bin/
	for module in virtio_mmio virtio_blk crc16 crc32c_generic mbcache jbd2 \
		ext4 loop; do
		find ../../machine/unpacked/lib/modules -name "$module.ko" \
			-exec cp {} . \; -quit
		echo "insmod /$module.ko"
	done >modules
	{
		echo '#!/bin/busybox sh'
		echo '/bin/busybox --install -s /bin'
		cat modules
		cat <<-'END'
			mount -t devtmpfs dev /dev
			mount -t ext4 /dev/vda /disk || poweroff -f
			cp -a /bin /disk/
			cd /disk
			mount -t devtmpfs dev dev
			mkdir dev/shm
			mount -t tmpfs shm dev/shm
			mount -t proc proc proc
			mount -t sysfs sys sys
			ip link set lo up
			uname -srm
			chroot . /run
			umount proc
			sync
			poweroff -f
		END
	} >init
	chmod +x init
	find . | cpio -o -H newc --quiet | gzip -1 >"$dir/initrd"
)

download || die "what the machine is made of is not to be had"
build || die "the programs do not build"
root || die "no root file system"
initramfs || die "no initramfs"
mkfs.ext4 -q -d "$dir/root" "$dir/disk" 1G || die "mkfs.ext4"
qemu-system-aarch64 -M virt -cpu cortex-a72 -smp 2 -m 1024 \
	-accel tcg,thread=multi -nographic -no-reboot -nic none \
	-kernel machine/unpacked/boot/vmlinuz-* -initrd "$dir/initrd" \
	-append 'console=ttyAMA0 quiet panic=-1' \
	-drive "if=none,id=disk,format=raw,file=$dir/disk" \
	-device virtio-blk-device,drive=disk </dev/null | tee machine/console
for program in $programs; do
	status=$(sed -n "s/^STATUS $program \([0-9]*\).*/\1/p" machine/console)
	[ "$status" = 0 ] || [ "$status" = 77 ] ||
		fail "$program: ${status:-it did not end}"
done
[ "$failed" -eq 0 ]
