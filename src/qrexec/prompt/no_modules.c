/*
 * GLib's way to load code at run time, closed: input methods, theme engines, picture loaders and
 * whatever else a setting of the display may name. These functions stand in front of libgmodule's
 * for every library in the process, because the program's own symbols come first.
 */
#include <gmodule.h>

gboolean
g_module_supported(void)
{
	return FALSE;
}

GModule *
g_module_open(const gchar *file_name, GModuleFlags flags)
{
	(void)file_name;
	(void)flags;
	return NULL;
}

GModule *
g_module_open_full(const gchar *file_name, GModuleFlags flags, GError **error)
{
	(void)flags;
	g_set_error(error, G_MODULE_ERROR, G_MODULE_ERROR_FAILED, "'%s': modules are not loaded",
		file_name);
	return NULL;
}

/* A module that is none, as above, is asked for symbols all the same. */
gboolean
g_module_symbol(GModule *module, const gchar *name, gpointer *ret_symbol)
{
	(void)module;
	(void)name;
	*ret_symbol = NULL;
	return FALSE;
}

gboolean
g_module_close(GModule *module)
{
	(void)module;
	return TRUE;
}
