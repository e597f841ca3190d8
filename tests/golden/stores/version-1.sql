-- A store as version 1 of its schema wrote it: one study with a built and a failed trial.
CREATE TABLE studies (
    id TEXT PRIMARY KEY,
    created TEXT NOT NULL,
    project TEXT NOT NULL,
    planned INTEGER NOT NULL,
    document BLOB NOT NULL
);
CREATE TABLE trials (
    study TEXT NOT NULL REFERENCES studies (id),
    id TEXT NOT NULL,
    status TEXT NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (study, id)
);
INSERT INTO studies VALUES ('sounding-0a1b2c', '2026-05-01T10:00:00+00:00', 'sounding-cli', 4, CAST('{"id":"sounding-0a1b2c","created":"2026-05-01T10:00:00+00:00","project":{"name":"sounding-cli","root":"/home/ann/sounding","binaries":["sounding"],"sources":"abc123","profile_name":"release","target":"","overrides":[],"notes":[]},"machine":{"cpu":"Imaginary CPU 9000","cores":2,"memory":8589934592,"os":"Debian GNU/Linux 12","kernel":"6.1.0","arch":"x86_64"},"toolchain":{"rustc":"rustc 1.95.0 (59807616e)","cargo":"cargo 1.95.0","host":"x86_64-unknown-linux-gnu","llvm":"22.1.2"},"basis":"basis","baseline":"29e5171e4387","baseline_profile":{"lto":"local","codegen_units":16,"opt_level":"3","panic":"unwind","strip":"debuginfo","debug":"none","rustflags":[]},"benches":[{"name":"check","command":["{bin}","check","corpus"],"smallest_change":0.01}],"goal":"balanced","limits":{"build":null,"touch":null,"size":null},"planned":4,"command":"trimtab explore","trials":[]}' AS BLOB));
INSERT INTO trials VALUES ('sounding-0a1b2c', '29e5171e4387', 'ok', CAST('{"id":"29e5171e4387","profile":{"lto":"local","codegen_units":16,"opt_level":"3","panic":"unwind","strip":"debuginfo","debug":"none","rustflags":[]},"status":"ok","started":"2026-05-01T10:00:00+00:00","seconds":60.0,"measurements":[{"name":"size.file","value":1000000,"unit":"bytes","low":null,"high":null,"samples":1,"method":"bytes of the file as shipped"},{"name":"size.stripped","value":800000,"unit":"bytes","low":null,"high":null,"samples":1,"method":"bytes of the file as shipped"},{"name":"build.clean.cpu","value":40.0,"unit":"s","low":null,"high":null,"samples":1,"method":"clean build in an empty target directory"},{"name":"build.clean.wall","value":20.0,"unit":"s","low":null,"high":null,"samples":1,"method":"clean build in an empty target directory"},{"name":"run.check.wall","value":0.2,"unit":"s","low":0.198,"high":0.202,"samples":20,"method":"{bin} check corpus; 20 pairs of random order with today''s binary"},{"name":"run.check.wall.ratio","value":1.0,"unit":"ratio","low":0.99,"high":1.01,"samples":20,"method":"{bin} check corpus; 20 pairs of random order with today''s binary"}],"absent":[],"effects":[],"artifacts":[{"name":"sounding","size":1000000,"sha256":"0000000000000000000000000000000000000000000000000000000000000000","path":"/nowhere/0000000000000000000000000000000000000000000000000000000000000000/sounding"}],"failure":null,"probes":["build","run","size","touch"],"benches":[]}' AS BLOB));
INSERT INTO trials VALUES ('sounding-0a1b2c', 'd19b8ed2b462', 'failed', CAST('{"id":"d19b8ed2b462","profile":{"lto":"fat","codegen_units":16,"opt_level":"3","panic":"unwind","strip":"debuginfo","debug":"none","rustflags":[]},"status":"failed","started":"2026-05-01T10:00:00+00:00","seconds":12.5,"measurements":[],"absent":[],"effects":[],"artifacts":[],"failure":{"cause":"compiler","message":"error[E0308]: mismatched types","log":["error[E0308]: mismatched types","error: could not compile `sounding`"],"wall":12.5},"probes":[],"benches":[]}' AS BLOB));
PRAGMA user_version = 1;
