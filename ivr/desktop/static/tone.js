// The ring tone: made by the browser itself, off until the agent wants it.

const KEPT = "ringwise.tone";
let wanted = localStorage.getItem(KEPT) === "on";
let audio = null;
let ringing = null;

export const toneWanted = () => wanted;

export function wantTone(on) {
  wanted = on;
  localStorage.setItem(KEPT, on ? "on" : "off");
  if (on) beep();
  else ring(false);
}

/** Ring while a phone rings; anything else stops it. */
export function ring(on) {
  if (on && wanted && ringing === null) {
    beep();
    ringing = setInterval(beep, 2500);
  } else if ((!on || !wanted) && ringing !== null) {
    clearInterval(ringing);
    ringing = null;
  }
}

function beep() {
  audio ??= new AudioContext();
  if (audio.state === "suspended") audio.resume().catch(() => {});
  const start = audio.currentTime + 0.02;
  for (const [at, pitch] of [[0, 660], [0.18, 880]]) {
    const tone = new OscillatorNode(audio, { frequency: pitch });
    const loudness = new GainNode(audio, { gain: 0 });
    loudness.gain.setTargetAtTime(0.08, start + at, 0.01);
    loudness.gain.setTargetAtTime(0, start + at + 0.14, 0.03);
    tone.connect(loudness).connect(audio.destination);
    tone.start(start + at);
    tone.stop(start + at + 0.4);
  }
}
