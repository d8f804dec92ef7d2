/* Damage of a window; see damage.h. */
#include "gui/daemon/damage.h"

static int
least(int a, int b)
{
	return a < b ? a : b;
}

static int
greatest(int a, int b)
{
	return a > b ? a : b;
}

bool
area_intersect(const struct area *a, const struct area *b, struct area *ret)
{
	int left = greatest(a->x, b->x), top = greatest(a->y, b->y);
	int right = least(a->x + a->width, b->x + b->width);
	int bottom = least(a->y + a->height, b->y + b->height);

	if (right <= left || bottom <= top)
		return false;
	*ret = (struct area){left, top, right - left, bottom - top};
	return true;
}

bool
area_equal(const struct area *a, const struct area *b)
{
	return a->x == b->x && a->y == b->y && a->width == b->width && a->height == b->height;
}

static bool
contains(const struct area *outer, const struct area *inner)
{
	return inner->x >= outer->x && inner->y >= outer->y &&
	       inner->x + inner->width <= outer->x + outer->width &&
	       inner->y + inner->height <= outer->y + outer->height;
}

static void
extend(struct area *box, const struct area *a)
{
	int right = greatest(box->x + box->width, a->x + a->width);
	int bottom = greatest(box->y + box->height, a->y + a->height);

	box->x = least(box->x, a->x);
	box->y = least(box->y, a->y);
	box->width = right - box->x;
	box->height = bottom - box->y;
}

void
damage_add(struct damage *d, const struct area *a)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < d->count; i++) {
		if (contains(&d->areas[i], a))
			return;
	}
	for (unsigned int i = 0; i < d->count; i++) {
		if (!contains(a, &d->areas[i]))
			d->areas[kept++] = d->areas[i];
	}
	d->count = kept;
	if (d->count < DAMAGE_MAX) {
		d->areas[d->count++] = *a;
		return;
	}
	for (unsigned int i = 1; i < d->count; i++)
		extend(&d->areas[0], &d->areas[i]);
	extend(&d->areas[0], a);
	d->count = 1;
}

void
damage_clear(struct damage *d)
{
	d->count = 0;
}
