import { settingsTable, withSettingsTable } from "../src/config/settings-table.ts";

/** Writes the table of settings anew into README.md, between its markers. With --print, prints it instead. */
if (process.argv.includes("--print")) {
  process.stdout.write(`${settingsTable()}\n`);
} else {
  const readme = Bun.file(new URL("../README.md", import.meta.url));
  const renewed = withSettingsTable(await readme.text());
  if (renewed === undefined)
    throw new Error("README.md has no place for it between <!-- settings --> and <!-- /settings -->.");
  await readme.write(renewed);
}
