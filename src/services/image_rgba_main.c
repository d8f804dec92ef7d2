/*
 * image-rgba: the service qubes.GetImageRGBA. Decodes an image in the qube that has it, or in a
 * disposable: the size in pixels as a line, then red, green, blue and opacity of each. What it
 * reads is not trusted, nor is what it writes by those who read it; no program of the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <gdk-pixbuf/gdk-pixbuf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "services/image_source.h"

#define IMAGE_BYTES_MAX ((size_t)64 << 20)
/* No caller takes more (spec guest.md 1B.8). */
#define WIDTH_MAX 8192
#define HEIGHT_MAX 5120
/* What has no size of its own is drawn for a menu. */
#define DRAWN_ICON_SIDE 64

struct decoding {
	bool is_icon, is_drawing; /* a drawing has the size that is wanted */
	bool too_large;
};

/* Byte by byte: the image may follow. */
static int
read_line(char line[IMAGE_LINE_MAX + 1], struct err *err)
{
	size_t length = 0;
	char c;

	while (read_exactly(STDIN_FILENO, &c, 1) == 0 && c != '\n') {
		if (c == '\0' || length == IMAGE_LINE_MAX)
			return err_set(err, EINVAL, "image: not a line");
		line[length++] = c;
	}
	line[length] = '\0';
	return length > 0 ? 0 : err_set(err, EINVAL, "image: no line says which");
}

static int
read_image(int fd, struct buf *bytes, struct err *err)
{
	ssize_t count;

	while ((count = buf_read_fd(bytes, fd, 65536)) > 0)
		;
	if (count == -ENOBUFS)
		return err_set(err, EFBIG, "image: larger than %zu MiB", IMAGE_BYTES_MAX >> 20);
	return count < 0 ? err_set_errno(err, (int)-count, "image: cannot be read") : 0;
}

static int
open_source(const struct image_source *source, struct err *err)
{
	AUTO_FREE char *icon = NULL;
	const char *path = source->name;
	int fd;

	if (source->kind == IMAGE_FOLLOWS)
		return STDIN_FILENO;
	if (source->kind == IMAGE_ICON) {
		icon = image_find_icon(source->name);
		if (icon == NULL)
			return err_set(err, ENOENT, "icon '%s': there is none", source->name);
		path = icon;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd >= 0 ? fd : err_set_errno(err, errno, "image '%s'", path);
}

static void
handle_size(GdkPixbufLoader *loader, int width, int height, gpointer data)
{
	struct decoding *d = data;

	if (width > WIDTH_MAX || height > HEIGHT_MAX) {
		d->too_large = true;
		gdk_pixbuf_loader_set_size(loader, 1, 1); /* so that no memory is taken */
	} else if (d->is_icon && d->is_drawing && width > 0 && height > 0) {
		const int side = width > height ? width : height;

		width = (width * DRAWN_ICON_SIDE + side - 1) / side;
		height = (height * DRAWN_ICON_SIDE + side - 1) / side;
		gdk_pixbuf_loader_set_size(loader, width, height);
	}
}

/* NULL with the error. */
static GdkPixbuf *
decode(const struct buf *bytes, const char *format, struct decoding *d, struct err *err)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GdkPixbufLoader) loader = gdk_pixbuf_loader_new_with_type(format, &error);
	GdkPixbuf *image;
	bool is_read;

	if (loader == NULL) {
		err_set(err, ENOTSUP, "image: nothing here decodes '%s': %s", format,
			error->message);
		return NULL;
	}
	g_signal_connect(loader, "size-prepared", G_CALLBACK(handle_size), d);
	is_read = gdk_pixbuf_loader_write(loader, buf_data(bytes), buf_len(bytes), &error);
	/* It must be closed either way; the first error is the one to tell. */
	if (!gdk_pixbuf_loader_close(loader, is_read ? &error : NULL) || !is_read) {
		err_set(err, EBADMSG, "image: cannot be decoded: %s", error->message);
		return NULL;
	}
	image = gdk_pixbuf_loader_get_pixbuf(loader);
	if (d->too_large)
		err_set(err, EFBIG, "image: more than %d x %d pixels", WIDTH_MAX, HEIGHT_MAX);
	else if (image == NULL)
		err_set(err, EBADMSG, "image: cannot be decoded");
	return !d->too_large && image != NULL ? g_object_ref(image) : NULL;
}

static void
put_row(const GdkPixbuf *image, int y, guchar *row)
{
	const int channels = gdk_pixbuf_get_n_channels(image);
	const guchar *from =
		gdk_pixbuf_read_pixels(image) + (size_t)y * (size_t)gdk_pixbuf_get_rowstride(image);

	for (int x = 0; x < gdk_pixbuf_get_width(image); x++, from += channels, row += 4) {
		memcpy(row, from, 3);
		row[3] = channels == 4 ? from[3] : 0xff;
	}
}

static int
answer(const GdkPixbuf *image, struct err *err)
{
	const int width = gdk_pixbuf_get_width(image), height = gdk_pixbuf_get_height(image);
	const int channels = gdk_pixbuf_get_n_channels(image);
	AUTO_FREE guchar *row = xcalloc((size_t)width, 4);

	if (gdk_pixbuf_get_bits_per_sample(image) != 8 || channels < 3 || channels > 4)
		return err_set(err, ENOTSUP, "image: not of 8 bits a colour");
	printf("%d %d\n", width, height);
	for (int y = 0; y < height; y++) {
		put_row(image, y, row);
		fwrite(row, 4, (size_t)width, stdout);
	}
	return fflush(stdout) == 0 ? 0 : err_set_errno(err, errno, "image: cannot be sent");
}

static int
run(struct err *err)
{
	char line[IMAGE_LINE_MAX + 1];
	struct image_source source;
	struct decoding d = {0};
	AUTO_BUF struct buf bytes;
	g_autoptr(GdkPixbuf) image = NULL;
	int fd;

	buf_init(&bytes, IMAGE_BYTES_MAX);
	if (read_line(line, err) < 0 || image_source_parse(line, &source, err) < 0)
		return -1;
	fd = open_source(&source, err);
	if (fd < 0 || read_image(fd, &bytes, err) < 0)
		return -1;
	if (source.format == NULL)
		source.format = image_format_detect(buf_data(&bytes), buf_len(&bytes));
	if (source.format == NULL)
		return err_set(err, EINVAL, "image: of no known kind");
	d.is_icon = source.kind == IMAGE_ICON;
	d.is_drawing = strcmp(source.format, "svg") == 0;
	image = decode(&bytes, source.format, &d, err);
	return image == NULL ? -1 : answer(image, err);
}

int
main(void)
{
	AUTO_ERR struct err err = ERR_INIT;

	log_init("qubes.GetImageRGBA");
	if (run(&err) < 0)
		fatal("%s", err_message(&err));
	return 0;
}
