/* Recognising tokens: one table row a keyword; see token.h. */
#include "qrexec/policy/token.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

#define IN_SOURCE (1u << POLICY_PLACE_SOURCE)
#define IN_TARGET (1u << POLICY_PLACE_TARGET)
#define IN_REDIRECT (1u << POLICY_PLACE_REDIRECT)

struct keyword {
	const char *text; /* the whole word, or its beginning when it takes a value */
	bool takes_value;
	enum policy_token_kind kind;
	unsigned places;
};

/* A longer beginning stands before a shorter one. @dispvm:... as a source is legal and matches
 * nothing. */
static const struct keyword keywords[] = {
	{"*", false, POLICY_TOKEN_ANY, IN_SOURCE | IN_TARGET},
	{"@anyvm", false, POLICY_TOKEN_ANYVM, IN_SOURCE | IN_TARGET},
	{"@adminvm", false, POLICY_TOKEN_ADMINVM, IN_SOURCE | IN_TARGET | IN_REDIRECT},
	{"@default", false, POLICY_TOKEN_DEFAULT, IN_TARGET},
	{"@type:", true, POLICY_TOKEN_TYPE, IN_SOURCE | IN_TARGET},
	{"@tag:", true, POLICY_TOKEN_TAG, IN_SOURCE | IN_TARGET},
	{"@dispvm", false, POLICY_TOKEN_DISPVM, IN_TARGET | IN_REDIRECT},
	{"@dispvm:@tag:", true, POLICY_TOKEN_DISPVM_TAG, IN_SOURCE | IN_TARGET},
	{"@dispvm:", true, POLICY_TOKEN_DISPVM_NAME, IN_SOURCE | IN_TARGET | IN_REDIRECT},
};

static const struct keyword *
find_keyword(const char *word)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		const struct keyword *k = &keywords[i];

		if (k->takes_value ? text_starts_with(word, k->text) : text_equal(word, k->text))
			return k;
	}
	return NULL;
}

static const char *
place_name(enum policy_token_place place)
{
	switch (place) {
	case POLICY_PLACE_SOURCE:
		return "as a source";
	case POLICY_PLACE_TARGET:
		return "as a target";
	case POLICY_PLACE_REDIRECT:
		return "in target= or default_target=";
	}
	return "here";
}

/* Checks what names a qube. Names of qubes that do not exist are fine: they match nothing. */
static int
check_name(char *name, struct err *err)
{
	if (name[0] == '\0')
		return err_set(err, EINVAL, "name of a qube: is empty");
	if (!text_only_has(name, "_-.:"))
		return err_set(
			err, EINVAL, "word '%s': has a character that no qube's name has", name);
	if (text_starts_with(name, "uuid:")) {
		for (char *c = name + 5; *c != '\0'; c++) {
			if (*c >= 'A' && *c <= 'Z')
				*c = (char)(*c - 'A' + 'a');
		}
	}
	return 0;
}

int
policy_token_parse(
	char *word, enum policy_token_place place, struct policy_token *ret, struct err *err)
{
	const struct keyword *keyword = find_keyword(word);
	char *value;

	if (keyword == NULL) {
		if (word[0] == '@')
			return err_set(err, EINVAL, "word '%s': no such keyword", word);
		if (check_name(word, err) < 0)
			return -1;
		*ret = (struct policy_token){POLICY_TOKEN_NAME, word};
		return 0;
	}
	if ((keyword->places & (1u << place)) == 0)
		return err_set(err, EINVAL, "word '%s': not allowed %s", word, place_name(place));
	value = word + strlen(keyword->text);
	if (keyword->takes_value && (value[0] == '\0' || value[0] == '@'))
		return err_set(
			err, EINVAL, "word '%s': nothing useful after '%s'", word, keyword->text);
	if (keyword->kind == POLICY_TOKEN_DISPVM_NAME && check_name(value, err) < 0)
		return -1;
	*ret = (struct policy_token){keyword->kind, value};
	return 0;
}
