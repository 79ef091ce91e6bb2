/** What every one of `foreignHashes` is a hash of. */
export const passwordOfForeignHashes = "password-one";

/** Hashes as other programs made them (argon2-cffi and bcrypt of Python): all variants, and several lanes, which Bun never makes. */
export const foreignHashes = [
  "$argon2id$v=19$m=1024,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$7ysdRmj6p4GIXqC++b4yGGeynDEd9iL2M5EXt4KAk+s",
  "$argon2id$v=19$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$+L91M9zPfW1+3XdHdU/7NyxMgEDR/2QjB1pUeksz8Ws",
  "$argon2id$v=19$m=1024,t=2,p=4$c2FsdHNhbHRzYWx0c2FsdA$FLsLhYaxn5NpaL7piwajyrhdxw2i62fC/QyOOwD6n0U",
  "$argon2i$v=19$m=1024,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$bMQEeu9zRTyjjBaluobdXbqdlG97xAH+4ZC4hItLZjg",
  "$argon2i$v=19$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$CUpsVV3PqM8hL05Qaj01JEZRRdvEtLzAjduWjAAgKZg",
  "$argon2i$v=19$m=1024,t=2,p=4$c2FsdHNhbHRzYWx0c2FsdA$Pcb4pWVN4yEmg0sb/SafQj7TcUQrAy9vxb4c6cpXrTU",
  "$argon2d$v=19$m=1024,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$1NS7ym93EjAh6x1g7OIWce4KWNj/7QSU6YO+qXp4u4Y",
  "$argon2d$v=19$m=1024,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$tQOhAVrdp2ZBP7hSSPDcJONL8S3M/vhQZd+vS43kSLE",
  "$argon2d$v=19$m=1024,t=2,p=4$c2FsdHNhbHRzYWx0c2FsdA$JRmzm4YQXlHF8WpImbnyzKF1VuhQm2J5oRyMh2w2vwc",
  "$argon2id$v=19$m=1024,t=2,p=1$c2FsdHNhbHQ$PibvXN10i2TnBxCUWlfJcg",
  "$2b$06$lmGNfB4Z0UfIsVNEHQo2F.f96VcYoflaQp7fol0eZ7iLUryroOujm",
  "$2a$06$KMh/.00pgPSQITOEyxIvU.0QP/lg9SObv50pcuUz3aBL0mIsuiJAO",
  "$2y$06$avAGYdDoyryFez69pxJiaeNQFSEQmZG7ZpxsPTeVv266u/jfdJevC",
];

/** A bcrypt hash (Python's) of a password of 100 bytes: bcrypt reads the first 72. */
export const longBcrypt = {
  password:
    "correct horse battery staple, correct horse battery staple, correct horse battery staple, and ten ch",
  hash: "$2b$05$OI.shvMHZ4LtjPZvm8mTauJhnafqeKt7CoOTE68x9FrSREaLnK53y",
};
