"""The point-spread function: what one scatterer looks like, along the beam and across it (lesson 05).

Along the beam it is the pulse. Its spectrum is a raised cosine around the centre frequency, and every centimetre of
tissue takes more of its high frequencies than of its low ones. Across, it is the product of the transmitted beam and
of the beam that is focused on receive; each is the Fourier transform of its aperture (Fresnel approximation). Both are
normalised to unit energy, so that focusing changes how sharp echoes are but not how strong. Textbook: Szabo, Diagnostic
Ultrasound Imaging, 2nd ed., chapters 6, 7 and 10.
"""

import math

import torch

from .geometry import stacked
from .scene import SPEED_MM_PER_US, Scene

NEPER_PER_DB = math.log(10) / 20
_NODES = 96  # frequencies at which integrals over the pulse's spectrum are taken


def spectrum(scenes: list[Scene], device="cpu") -> tuple[torch.Tensor, torch.Tensor]:
    """Frequencies in MHz and the two-way pulse's amplitude there, ``[B, 96]`` each.

    cos²: half the height (−6 dB) at ± half of the bandwidth from the centre, nothing beyond ± the whole of it.
    """
    centre, width = (v[:, 0] for v in stacked(scenes, "centre_frequency_mhz", "bandwidth", device=device))
    u = torch.linspace(-1, 1, _NODES + 2, device=device)[None, 1:-1]
    return centre * (1 + width * u), torch.cos(math.pi / 2 * u).square().expand(len(scenes), -1)


def attenuated_db(loss: torch.Tensor, scenes: list[Scene]) -> torch.Tensor:
    """Loss of the whole pulse in dB, from a map ``[B, rows, columns]`` of the two-way loss in dB per MHz.

    The pulse's energy is the integral of its squared spectrum, of which each frequency loses in proportion to itself;
    so a broad pulse loses less than its centre frequency would.
    """
    f, g = spectrum(scenes, loss.device)
    # A polynomial through the integral at 8 Chebyshev nodes: one integral a pixel would take a hundred times longer.
    highest = loss.amax((1, 2)).clamp_min(1e-3)[:, None]
    nodes = torch.cos(math.pi * (torch.arange(8, dtype=torch.float64) + 0.5) / 8).to(loss.device)
    at = (nodes + 1) / 2 * highest.double()
    energy = (g.double().square()[:, None] * 10 ** (-at[..., None] * f.double()[:, None] / 10)).sum(-1)
    exact = -10 * torch.log10(energy / g.double().square().sum(-1)[:, None])
    powers = torch.linalg.solve(torch.stack([nodes**k for k in range(8)], -1), exact.T).T.float()  # [B, 8]
    u = 2 * loss / highest[..., None] - 1
    result = powers[:, 7, None, None].expand_as(u)
    for k in range(6, -1, -1):
        result = result * u + powers[:, k, None, None]
    return result


def pulses(scenes: list[Scene], sample_mm: torch.Tensor, loss: torch.Tensor) -> torch.Tensor:
    """The two-way pulse at every depth, complex ``[B, rows, 2·K + 1]``, at offsets −K…K samples; unit energy.

    At baseband: the carrier of the centre frequency is taken off, so a pulse that lost its high frequencies turns
    slowly. ``loss [B, rows, 1]``: two-way, dB per MHz, of the tissue down to that depth.
    """
    f, g = spectrum(scenes, loss.device)
    centre, width = (v[:, 0] for v in stacked(scenes, "centre_frequency_mhz", "bandwidth", device=loss.device))
    # The main lobe reaches 1/(B·f₀) in time, and the pulse is 40 dB down at 1.6 times that.
    reach = (0.8 * SPEED_MM_PER_US / (width * centre) / sample_mm[:, 0]).ceil().clamp(1, None)
    k = int(reach.max())
    offsets = torch.arange(-k, k + 1, device=loss.device)[None, :]
    turns = (f - centre)[:, :, None] * (2 * offsets * sample_mm[:, 0] / SPEED_MM_PER_US)[:, None, :]  # [B, 96, 2K+1]
    amplitude = g[:, None] * 10 ** (-loss * f[:, None] / 20)  # [B, rows, 96]
    amplitude = amplitude / amplitude.amax(-1, keepdim=True)
    pulse = torch.complex(amplitude, torch.zeros_like(amplitude)) @ torch.exp(2j * math.pi * turns)
    pulse = pulse * (offsets.abs() <= reach)[:, None]
    return pulse / pulse.abs().square().sum(-1, keepdim=True).sqrt()


def lateral_transfer(scenes: list[Scene], range_mm, pitch_mm, columns: int, loss=None) -> torch.Tensor:
    """Transfer function across the beam at each depth, complex ``[B, rows, columns]`` at `torch.fft.fftfreq`.

    The product of both beams is the convolution of both apertures here. Element ``a`` mm from the middle of the
    aperture stands for the spatial frequency a / (λ·depth).

    Args:
        range_mm, pitch_mm: ``[B, rows, 1]``, depth, and distance of neighbouring lines there.
        loss: as in `pulses`; what is left of the pulse has a longer wavelength, and so a wider beam.
    """
    device = range_mm.device
    names = ("receive_f_number", "transmit_f_number", "focus_cm", "aperture_cm", "taper", "centre_frequency_mhz")
    receive_f, transmit_f, focus, cap, taper, centre = stacked(scenes, *names, device=device)
    focus, cap = 10 * focus, 10 * cap
    z = range_mm.clamp_min(0.5)
    wavelength = SPEED_MM_PER_US / (centre if loss is None else mean_frequency(scenes, loss))
    fx = torch.fft.fftfreq(columns, device=device)[None, None] / pitch_mm.clamp_min(1e-3)
    # An element of one wavelength hears poorly from the side; nothing comes from beyond 90°.
    sine = (wavelength * fx).abs()
    directivity = (1 - sine.square()).clamp_min(0).sqrt() * torch.sinc(fx * SPEED_MM_PER_US / centre)

    def aperture(half_mm):
        """1 within the aperture, tapered at its edges, 0 outside."""
        u = fx.abs() * wavelength * z / half_mm
        tapered = torch.sin(math.pi / 2 * ((1 - u) / taper.clamp_min(1e-3)).clamp(0, 1)).square()
        # A hard edge falls between two frequencies of the grid: the one in which it lies counts in part.
        bin = wavelength * z / half_mm / (columns * pitch_mm.clamp_min(1e-3))
        hard = ((1 - u) / bin + 0.5).clamp(0, 1)
        return torch.where(taper > bin, tapered, hard) * directivity

    heard = torch.fft.ifft(aperture(torch.minimum(z / receive_f, cap) / 2))
    # A focused beam is sharp at its focus, out of phase above and below it.
    defocus = math.pi * wavelength * z * fx.square() * (1 - z / focus)
    opening = aperture(torch.minimum(focus / transmit_f, cap) / 2)
    sent = torch.fft.ifft(torch.polar(opening.expand_as(defocus), defocus))
    for b, scene in enumerate(scenes):
        if scene.plane_wave_degrees:  # their sum is the same at all depths
            x = torch.fft.fftfreq(columns, 1 / columns, device=device)[None] * pitch_mm[b]
            sines = [math.sin(math.radians(a)) for a in scene.plane_wave_degrees]
            sent[b] = sum(torch.polar(torch.ones_like(x), 2 * math.pi * x * sine / wavelength[b]) for sine in sines)
    both = heard * sent
    both = both / both.abs().square().sum(-1, keepdim=True).sqrt().clamp_min(1e-20)
    return torch.fft.fft(both)


def mean_frequency(scenes: list[Scene], loss: torch.Tensor) -> torch.Tensor:
    """Mean frequency in MHz of an echo's power spectrum after ``loss [B, rows, 1]`` dB per MHz, two-way."""
    f, g = spectrum(scenes, loss.device)
    power = g[:, None].square() * 10 ** (-loss * f[:, None] / 10)
    return ((power * f[:, None]).sum(-1) / power.sum(-1).clamp_min(1e-30))[..., None]


def tissue_loss(scenes: list[Scene], range_mm: torch.Tensor) -> torch.Tensor:
    """Two-way loss in dB per MHz of plain tissue down to ``range_mm [B, rows, 1]``."""
    (alpha,) = stacked(scenes, "attenuation_db_cm_mhz", device=range_mm.device)
    return 0.2 * alpha * range_mm.clamp_min(0)


def cells_mm2(scenes: list[Scene], range_mm: torch.Tensor) -> torch.Tensor:
    """Area of the resolution cell at a depth of each scene, ``[B, 1, 1]`` → ``[B, 1, 1]``, in mm².

    (∫|h|²)² / ∫|h|⁴ of the point spread: the area that counts in the statistics of few scatterers.
    """
    along, step, across, pitch = point_spread(scenes, range_mm)

    def length(h, spacing):
        return h.square().sum(-1, keepdim=True).square() / h.pow(4).sum(-1, keepdim=True) * spacing

    return length(along, step) * length(across, pitch)


def point_spread(scenes: list[Scene], z: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """|h| along the beam and its spacing, |h| across and its spacing, in mm, at a depth ``z [B, 1, 1]`` of each scene.

    Fine enough for any picture's size.
    """
    loss = tissue_loss(scenes, z)
    names = ("centre_frequency_mhz", "receive_f_number", "aperture_cm")
    centre, f_number, cap = stacked(scenes, *names, device=z.device)
    wavelength = SPEED_MM_PER_US / centre
    step, pitch = wavelength / 16, wavelength * torch.maximum(f_number, 0.1 * z / cap) / 10
    along = pulses(scenes, step, loss).abs()
    across = torch.fft.fftshift(torch.fft.ifft(lateral_transfer(scenes, z, pitch, 384, loss)).abs(), dim=-1)
    return along, step, across, pitch


def width_at_half(profile: torch.Tensor, spacing: float) -> float:
    """Full width at half of the largest value of a profile with one peak, interpolated between samples."""
    values = (profile / profile.max()).tolist()
    top = max(range(len(values)), key=values.__getitem__)

    def reach(step: int) -> float:
        k = top
        while 0 <= k + step < len(values) and values[k + step] >= 0.5:
            k += step
        if not 0 <= k + step < len(values):
            return abs(k - top) + 0.5
        return abs(k - top) + (values[k] - 0.5) / (values[k] - values[k + step])

    return (reach(-1) + reach(1)) * spacing
