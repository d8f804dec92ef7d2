/*
 * The names in freedesktop's menu specification, but for the reserved ones (Screensaver, TrayIcon,
 * Applet, Shell), which mean more than a place in the menu.
 */
#include "tools/services/menu_categories.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const char *const known[] = {"AudioVideo", "Audio", "Video", "Development", "Education",
	"Game", "Graphics", "Network", "Office", "Science", "Settings", "System", "Utility",
	"Building", "Debugger", "IDE", "GUIDesigner", "Profiling", "RevisionControl", "Translation",
	"Calendar", "ContactManagement", "Database", "Dictionary", "Chart", "Email", "Finance",
	"FlowChart", "PDA", "ProjectManagement", "Presentation", "Spreadsheet", "WordProcessor",
	"2DGraphics", "VectorGraphics", "RasterGraphics", "3DGraphics", "Scanning", "OCR",
	"Photography", "Publishing", "Viewer", "TextTools", "DesktopSettings", "HardwareSettings",
	"Printing", "PackageManager", "Dialup", "InstantMessaging", "Chat", "IRCClient", "Feed",
	"FileTransfer", "HamRadio", "News", "P2P", "RemoteAccess", "Telephony", "TelephonyTools",
	"VideoConference", "WebBrowser", "WebDevelopment", "Midi", "Mixer", "Sequencer", "Tuner",
	"TV", "AudioVideoEditing", "Player", "Recorder", "DiscBurning", "ActionGame",
	"AdventureGame", "ArcadeGame", "BoardGame", "BlocksGame", "CardGame", "KidsGame",
	"LogicGame", "RolePlaying", "Shooter", "Simulation", "SportsGame", "StrategyGame", "Art",
	"Construction", "Music", "Languages", "ArtificialIntelligence", "Astronomy", "Biology",
	"Chemistry", "ComputerScience", "DataVisualization", "Economy", "Electricity", "Geography",
	"Geology", "Geoscience", "History", "Humanities", "ImageProcessing", "Literature", "Maps",
	"Math", "NumericalAnalysis", "MedicalSoftware", "Physics", "Robotics", "Spirituality",
	"Sports", "ParallelComputing", "Amusement", "Archiving", "Compression", "Electronics",
	"Emulator", "Engineering", "FileTools", "FileManager", "TerminalEmulator", "Filesystem",
	"Monitor", "Security", "Accessibility", "Calculator", "Clock", "TextEditor",
	"Documentation", "Adult", "Core", "KDE", "GNOME", "XFCE", "DDE", "GTK", "Qt", "Motif",
	"Java", "ConsoleOnly"};

static bool
is_known(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i]) == length && strncmp(known[i], name, length) == 0)
			return true;
	return false;
}

char *
menu_categories_filter(const char *untrusted_list)
{
	char *kept = xcalloc(strlen(untrusted_list) + 2, 1), *to = kept;

	while (*untrusted_list != '\0') {
		size_t length = strcspn(untrusted_list, ";");

		if (is_known(untrusted_list, length)) {
			memcpy(to, untrusted_list, length);
			to += length;
			*to++ = ';';
		}
		untrusted_list += length + (untrusted_list[length] == ';');
	}
	if (to == kept) {
		free(kept);
		return NULL;
	}
	return kept;
}
