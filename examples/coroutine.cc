// SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
//
// Coroutines of C++20 that wait for their reads by co_await: two at once, on
// one queue, each of which counts the bytes of a file.
//	c++ -std=c++20 coroutine.cc $(pkg-config --cflags --libs libkaio)
//	./a.out [file [file]]
#include <kaio.h>

#include <cerrno>
#include <coroutine>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fcntl.h>

// Begins at once, and ends by itself: when its last read has completed.
struct Task {
	struct promise_type { // clang-format off
		Task get_return_object() { return {}; }
		std::suspend_never initial_suspend() { return {}; }
		std::suspend_never final_suspend() noexcept { return {}; }
		void return_void() {}
		void unhandled_exception() { std::terminate(); }
	}; // clang-format on
};

// Its result is that of the completion, or of a push that failed.
struct Read : kaio_op {
	kaio_queue *queue;
	std::coroutine_handle<> reader;
	int64_t res;

	Read(kaio_queue *on, int fd, void *buffer, size_t size, int64_t offset)
	    : kaio_op(), queue(on)
	{
		kaio_prep_pread(&iocb, fd, buffer, size, offset);
		complete = [](kaio_op *op, int64_t result) {
			auto read = static_cast<Read *>(op);

			read->res = result;
			read->reader.resume(); // which ends *read
		};
	}
	bool await_ready()
	{
		return false;
	}
	bool await_suspend(std::coroutine_handle<> handle)
	{
		reader = handle;
		res = kaio_queue_push(queue, &iocb);
		return res == 0; // if not, it goes on at once
	}
	int64_t await_resume()
	{
		return res;
	}
};

static Task count(kaio_queue *queue, const char *path, int64_t &bytes)
{
	char buffer[4096];
	int fd = open(path, O_RDONLY);
	int64_t n = fd < 0 ? -errno : 1;

	for (; n > 0; bytes += n)
		n = co_await Read(queue, fd, buffer, sizeof(buffer), bytes);
	if (n < 0)
		bytes = n;
}

int main(int argc, char **argv)
{
	const char *paths[] = { "/etc/passwd", "/etc/group" };
	int64_t bytes[2] = {};
	kaio_queue *queue;
	int ret = kaio_queue_create(&queue, 2, nullptr);

	for (int i = 0; ret == 0 && i < 2; i++) {
		paths[i] = argc > i + 1 ? argv[i + 1] : paths[i];
		count(queue, paths[i], bytes[i]);
	}
	// It returns 0 when nothing is outstanding: both have ended.
	for (bool more = ret == 0; more; more = ret > 0 || ret == -EINTR)
		ret = kaio_queue_run(queue, 1, KAIO_FOREVER);
	for (int i = 0; ret == 0 && i < 2; i++)
		if (bytes[i] >= 0)
			printf("%lld %s\n", (long long)bytes[i], paths[i]);
		else
			ret = int(bytes[i]);
	if (ret < 0)
		fprintf(stderr, "coroutine: %s\n", strerror(-ret));
	return ret < 0 || kaio_queue_destroy(queue) < 0;
}
