// Imported before everything else by the program. Elysia reads NODE_ENV when it is loaded, and outside production it
// tells callers what it
// must not; files are made for their owner alone, SQLite's own included, whatever the shell's umask says.
process.env.NODE_ENV = "production";
process.umask(0o077);

export {};
