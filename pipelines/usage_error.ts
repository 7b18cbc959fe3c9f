/**
 * The error that ends a task with one line and exit code 2.
 *
 * @module
 */

/** Thrown where what the person asked for cannot be: a wrong option, an unreadable or impossible configuration. */
export class UsageError extends SyntaxError {
  /** Makes the error with its message and, where there is one, its cause. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UsageError";
  }
}

/** Does something with a file's content; what is thrown is a {@linkcode UsageError} that names the file. */
export function ofFile<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw new UsageError(`${path}: ${(cause as Error).message}`, { cause });
  }
}
