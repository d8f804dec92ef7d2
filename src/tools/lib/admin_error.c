/* Exception classes and their messages (admin_error.h). */
#include "tools/lib/admin_error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

const char admin_error_unknown[] = "QubesDaemonException";

static const struct error_class {
	const char *name;
	const char *parent;
} classes[] = {
	{"QubesException", NULL},
	{"ProtocolError", NULL},
	{"PermissionDenied", NULL},
	{"QubesVMNotFoundError", "QubesException"},
	{"QubesVMInvalidUUIDError", "QubesException"},
	{"QubesVMAlreadyExistsError", "QubesException"},
	{"QubesVMError", "QubesException"},
	{"QubesVMInUseError", "QubesVMError"},
	{"QubesVMNotStartedError", "QubesVMError"},
	{"QubesVMNotRunningError", "QubesVMNotStartedError"},
	{"QubesVMNotPausedError", "QubesVMNotStartedError"},
	{"QubesVMNotSuspendedError", "QubesVMError"},
	{"QubesVMNotHaltedError", "QubesVMError"},
	{"QubesVMShutdownTimeoutError", "QubesVMError"},
	{"QubesVMCancelledPauseError", "QubesVMError"},
	{"QubesNoTemplateError", "QubesVMError"},
	{"QubesPoolInUseError", "QubesException"},
	{"QubesPoolNotFoundError", "QubesException"},
	{"QubesValueError", "QubesException"},
	{"QubesPropertyValueError", "QubesValueError"},
	{"QubesNoSuchPropertyError", "QubesException"},
	{"QubesNotImplementedError", "QubesException"},
	{"QubesMemoryError", "QubesVMError"},
	{"QubesFeatureNotFoundError", "QubesException"},
	{"QubesTagNotFoundError", "QubesException"},
	{"QubesLabelNotFoundError", "QubesException"},
	{"QubesLabelInUseError", "QubesException"},
	{"QubesInvalidLabelError", "ProtocolError"},
	{"QubesInvalidLabelValueError", "ProtocolError"},
	{"QubesInvalidTagError", "ProtocolError"},
	{"StoragePoolException", "QubesException"},
	{"QubesVolumeNotFoundError", "QubesException"},
	{"QubesVolumeRevisionNotFoundError", "QubesException"},
	{"QubesVolumeCopyTokenNotFoundError", "ProtocolError"},
	{"QubesVolumeCopyInUseError", "QubesException"},
	{"DeviceNotAssigned", "QubesException"},
	{"DeviceNotFound", "QubesException"},
	{"DeviceAlreadyAttached", "QubesException"},
	{"DeviceAlreadyAssigned", "QubesException"},
	{"QubesUnrecognizedDeviceAssignmentMode", "ProtocolError"},
	{"UnrecognizedDevice", "QubesException"},
	{"UnexpectedDeviceProperty", "QubesException"},
	{"QubesBackupProfileNotFoundError", "QubesException"},
	{"BackupCancelledError", "QubesException"},
	{"BackupAlreadyRunningError", "QubesException"},
};

static const struct error_class *
find_class(const char *name)
{
	for (size_t i = 0; name != NULL && i < sizeof(classes) / sizeof(classes[0]); i++)
		if (text_equal(classes[i].name, name))
			return &classes[i];
	return NULL;
}

const char *
admin_error_kind(const char *name)
{
	const struct error_class *class = find_class(name);

	return class != NULL ? class->name : admin_error_unknown;
}

bool
admin_error_is(const struct err *err, const char *kind)
{
	for (const struct error_class *class = find_class(err->kind); class != NULL;
		class = find_class(class->parent))
		if (text_equal(class->name, kind))
			return true;
	return false;
}

char *
admin_error_format(const char *format, const char *const *parameters, size_t count)
{
	char *text = NULL;
	size_t size = 0, used = 0;
	FILE *to = open_memstream(&text, &size);

	if (to == NULL)
		abort();
	for (; *format != '\0'; format++) {
		if (format[0] == '%' && format[1] == '%') {
			fputc('%', to);
			format++;
		} else if (format[0] == '%' && strchr("srd", format[1]) != NULL &&
			   format[1] != '\0' && used < count) {
			fprintf(to, format[1] == 'r' ? "'%s'" : "%s", parameters[used++]);
			format++;
		} else {
			fputc(*format, to);
		}
	}
	if (fclose(to) != 0)
		abort();
	return text;
}
