import packageJson from "../../package.json" with { type: "json" };

/** The version of this program, as in package.json: bundled, so that the binary knows its own. */
export const version: string = packageJson.version;
