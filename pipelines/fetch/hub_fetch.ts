/**
 * `fetch` for the hub: answers that are no answer become errors that say what to do.
 *
 * @module
 */

import { type Repository, showRepository } from "../load/repository.ts";
import { UsageError } from "../usage_error.ts";
import { ConnectionError } from "./connection_error.ts";

/** Whom is asked for what. */
export interface HubRequest {
  /** The hub's address. */
  readonly hub: string;
  /** What is wanted of it. */
  readonly repository: Repository;
  /** Whether it is told who asks. */
  readonly hasToken: boolean;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/**
 * A `fetch` that throws unless the server gives what it is asked for.
 *
 * It throws a {@linkcode UsageError} where the hub refuses, and a {@linkcode ConnectionError} where it cannot be reached or
 * has no time.
 */
export function hubFetch(request: HubRequest): typeof fetch {
  return async (input, init) => {
    const response = await reach(request, input, init);
    if (response.ok) return response;
    await response.body?.cancel();
    throw refusal(request, response);
  };
}

async function reach(
  { hub, signal }: HubRequest,
  ...[input, init]: Parameters<typeof fetch>
): Promise<Response> {
  try {
    return await fetch(input, { ...init, signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new ConnectionError(`${hub} cannot be reached: ${reasonOf(cause)}; HF_ENDPOINT names a mirror`, {
      cause,
    });
  }
}

/** What an error comes from in the end: the outermost message may only be that a request failed. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}

function refusal(
  { hub, repository, hasToken }: HubRequest,
  { status, statusText, headers }: Response,
): Error {
  const { id, revision } = repository;
  const fail = (why: string) => new UsageError(`Cannot fetch ${showRepository(repository)} as ${why}`);
  const code = headers.get("X-Error-Code");
  if (status === 404 && code === "RevisionNotFound") return fail(`it has no such revision: ${revision}`);
  if (status === 404 || code === "RepoNotFound") {
    return fail(`there is no such repository, or it is private: ${hub}/${id}`);
  }
  if (status === 401 || status === 403) {
    return fail(
      `its owner gives it only to people who are known and agree to its terms: agree at ${hub}/${id}, and ` +
        (hasToken ? "use a token of the same account that may read it" : "put an access token into HF_TOKEN"),
    );
  }
  if (status === 429 || status >= 500) {
    return new ConnectionError(`${hub} answers ${status} ${statusText}`.trim());
  }
  return fail(`${hub} answers: ${status} ${statusText}`.trim());
}
