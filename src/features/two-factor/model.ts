/** What is kept of a user's second factor, as the login reads it. */
export type TwoFactor = {
  /** The TOTP secret, sealed under the server key. */
  sealedSecret: Uint8Array;
  lastAcceptedStep: number;
};

/** The one proof of the second factor that a login brought and that will be spent with it. */
export type SecondFactorProof = { kind: "code"; step: number } | { kind: "recovery-code"; hash: Uint8Array };
