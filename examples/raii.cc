// SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
//
// A queue and a transfer that end with their scope, and errors as exceptions,
// in C++17. Prints how many bytes of a file it has read.
//	c++ -std=c++17 raii.cc $(pkg-config --cflags --libs libkaio) -o raii
//	./raii [file]
#include <kaio.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <memory>
#include <system_error>
#include <unistd.h>

template <auto end> struct End {
	template <class T> void operator()(T *object) const
	{
		end(object);
	}
};
using Queue = std::unique_ptr<kaio_queue, End<kaio_queue_destroy>>;
using Transfer = std::unique_ptr<kaio_transfer, End<kaio_transfer_release>>;

constexpr unsigned nr = 16;
constexpr size_t block = 4096;

static int64_t check(int64_t ret, const char *what)
{
	if (ret < 0)
		throw std::system_error(int(-ret), std::generic_category(),
					what);
	return ret;
}

struct File {
	const int fd;

	explicit File(const char *path) : fd(open(path, O_RDONLY))
	{
		check(fd < 0 ? -errno : 0, path);
	}
	~File()
	{
		close(fd);
	}
};

static Queue make_queue(unsigned depth)
{
	kaio_queue *queue;

	check(kaio_queue_create(&queue, depth, nullptr), "kaio_queue_create");
	return Queue(queue);
}

static Transfer make_transfer(const Queue &queue)
{
	kaio_transfer_params params{};
	kaio_transfer *transfer;

	params.flags = KAIO_TRANSFER_EOF_OK;
	check(kaio_transfer_create(&transfer, queue.get(), nr, &params),
	      "kaio_transfer_create");
	return Transfer(transfer);
}

static int64_t read_file(const char *path)
{
	// Before the queue, which ends first and waits for what is in flight.
	auto buffer = std::make_unique<char[]>(nr * block);
	File file(path);
	Queue queue = make_queue(4);
	Transfer transfer = make_transfer(queue);
	int ret;

	for (unsigned i = 0; i < nr; i++)
		kaio_prep_pread(kaio_transfer_iocb(transfer.get(), i), file.fd,
				&buffer[i * block], block, int64_t(i * block));
	check(kaio_transfer_post(transfer.get()), "kaio_transfer_post");
	do
		ret = kaio_transfer_wait(transfer.get(), KAIO_FOREVER);
	while (ret == -EINTR);
	check(ret, path);
	return kaio_transfer_bytes(transfer.get());
}

int main(int argc, char **argv)
{
	try {
		int64_t bytes = read_file(argc > 1 ? argv[1] : "/etc/passwd");

		printf("%lld bytes\n", (long long)bytes);
	} catch (const std::exception &error) {
		fprintf(stderr, "raii: %s\n", error.what());
		return 1;
	}
}
