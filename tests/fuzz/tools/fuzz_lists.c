/* The texts inside answers: lists of qubes, lists of properties, what is said of a volume. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tools/lib/property_value.h"
#include "tools/lib/qubes.h"
#include "tools/lib/volumes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
parse_qubes(const char *text)
{
	static const char *const properties[] = {"label", "netvm", "uuid"};
	struct err err = ERR_INIT;
	struct qube_list list;

	if (qubes_parse(text, properties, 3, &list, &err) < 0) {
		assert(err.code != 0);
		err_clear(&err);
		return;
	}
	for (size_t i = 0; i < list.count; i++) {
		assert(list.items[i].class != NULL && list.items[i].state != NULL);
		assert(text_equal(list.items[i].name, "dom0") ||
			qube_name_valid(list.items[i].name, NULL));
		assert(qubes_find(&list, list.items[i].name) != NULL);
	}
	qubes_finish(&list);
}

static void
parse_properties(const char *text)
{
	struct property_list list;

	if (property_list_parse(text, &list) < 0)
		return;
	for (size_t i = 0; i < list.count; i++) {
		assert(list.items[i].name != NULL && list.items[i].type != NULL);
		assert(property_value_shown(&list.items[i]) != NULL);
	}
	property_list_finish(&list);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	parse_qubes(text);
	parse_properties(text);
	free(volume_info_value(text, "size"));
	(void)volume_info_number(text, "usage");
	free(text);
	return 0;
}
