/**
 * Every failure that a caller may be told of, with the one HTTP status it becomes. The list is closed: a code that is
 * not here does not exist, and everything else that goes wrong is INTERNAL_ERROR outside and loud in the log.
 *
 * INVALID_CREDENTIALS and its kin are 400, not 401: clients of the Cryptlex Web API read 401 as a network error.
 */
export const statusOfCode = {
  INVALID_REQUEST: 400,
  INVALID_CREDENTIALS: 400,
  MISSING_TWO_FACTOR_CODE: 400,
  INVALID_TWO_FACTOR_CODE: 400,
  INVALID_TWO_FACTOR_RECOVERY_CODE: 400,
  TWO_FACTOR_ENROLMENT_REQUIRED: 400,
  ACCOUNT_SUSPENDED: 400,
  USER_SUSPENDED: 400,
  INVALID_REFRESH_TOKEN: 400,
  WEAK_PASSWORD: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  REAUTHENTICATION_REQUIRED: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  LOGIN_TEMPORARILY_LOCKED: 429,
  TOO_MANY_REQUESTS: 429,
  INTERNAL_ERROR: 500,
  SERVER_BUSY: 503,
} as const;

export type ErrorCode = keyof typeof statusOfCode;

/** The sentence a code says when the place that throws it has nothing more precise to tell. */
const defaultMessageOfCode: Record<ErrorCode, string> = {
  INVALID_REQUEST: "The request is not valid.",
  INVALID_CREDENTIALS: "The account, e-mail address or password is wrong.",
  MISSING_TWO_FACTOR_CODE:
    "This user has two-factor authentication: send a twoFactorCode or a twoFactorRecoveryCode.",
  INVALID_TWO_FACTOR_CODE: "The two-factor code is wrong, expired or already used.",
  INVALID_TWO_FACTOR_RECOVERY_CODE: "The two-factor recovery code is wrong or already used.",
  TWO_FACTOR_ENROLMENT_REQUIRED:
    "This account requires two-factor authentication: enrol with the enrolmentToken, then log in.",
  ACCOUNT_SUSPENDED: "This account is suspended.",
  USER_SUSPENDED: "This user is suspended.",
  INVALID_REFRESH_TOKEN: "The refresh token is not valid: log in again.",
  WEAK_PASSWORD: "The password is too weak.",
  UNAUTHENTICATED: "Send a valid access token in the Authorization header.",
  FORBIDDEN: "The token does not permit this.",
  REAUTHENTICATION_REQUIRED:
    "Log in again, or send the password and, with two-factor authentication, a code in the same request.",
  NOT_FOUND: "There is nothing here.",
  METHOD_NOT_ALLOWED: "This path does not answer this method.",
  CONFLICT: "This conflicts with a record that exists already.",
  PAYLOAD_TOO_LARGE: "The body is larger than 64 KiB.",
  UNSUPPORTED_MEDIA_TYPE: "Send the body as application/json.",
  LOGIN_TEMPORARILY_LOCKED: "Too many failed logins: try again later.",
  TOO_MANY_REQUESTS: "Too many requests: try again later.",
  INTERNAL_ERROR: "Something went wrong. The server's log has the details under this requestId.",
  SERVER_BUSY: "The server is busy: try again in a moment.",
};

/** One offending place in a request: a JSON Pointer into the body (RFC 6901) and what is wrong there. */
export type FieldError = { path: string; message: string };

export type ErrorDetails = {
  /** INVALID_REQUEST only: every offending property. */
  errors?: FieldError[];
  /** Seconds after which it makes sense to try again: sent as `Retry-After`. */
  retryAfterSeconds?: number;
  /** TWO_FACTOR_ENROLMENT_REQUIRED only. */
  enrolmentToken?: string;
  /** METHOD_NOT_ALLOWED only: sent as `Allow`. */
  allow?: string[];
  /** UNAUTHENTICATED and FORBIDDEN only: sent as `WWW-Authenticate` (RFC 6750). */
  challenge?: string;
};

/** A failure that its caller may be told of. Services throw it; one translator in `http/` turns it into an answer. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string = defaultMessageOfCode[code], details: ErrorDetails = {}) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.details = details;
  }
}

/** An ApiError with the code's own sentence and some details. */
export function apiError(code: ErrorCode, details: ErrorDetails = {}): ApiError {
  return new ApiError(code, defaultMessageOfCode[code], details);
}

/**
 * A reason why a command or the start cannot go on, meant for the operator's eyes: the command line prints its message
 * alone, without a stack, and exits with 1.
 */
export class OperatorError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "OperatorError";
  }
}
