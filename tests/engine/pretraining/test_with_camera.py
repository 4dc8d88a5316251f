"""Clouds beside a camera: the camera's way is told from the ground, and the clouds' drift beyond it."""

from __future__ import annotations

import numpy as np
import pytest

from engine.pretraining.quality.with_camera import CAMERAS, RIGHT, WithCamera, camera_way, cosine_to, drift, table

HEIGHT, WIDTH = 80, 128
WIND = np.array([0.4, 0.1])


def pan(speed: float) -> np.ndarray:
    return np.broadcast_to(np.array([-speed, 0.0], dtype=np.float32), (5, HEIGHT, WIDTH, 2))


def zoom_out(share: float) -> np.ndarray:
    down, right = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    away = np.stack([right - (WIDTH - 1) / 2, down - (HEIGHT - 1) / 2], axis=-1)
    return np.broadcast_to(-share * away, (5, HEIGHT, WIDTH, 2))


def sky() -> np.ndarray:
    region = np.zeros((5, HEIGHT, WIDTH), dtype=bool)
    region[:, : HEIGHT // 3] = True
    return region


@pytest.mark.parametrize("camera", [pan(1.2), zoom_out(0.01), pan(0.0)])
def test_clouds_drift_beyond_any_camera(camera: np.ndarray) -> None:
    flow = camera.copy()
    flow[sky()] += WIND.astype(np.float32)
    assert drift(flow, sky()) == pytest.approx(WIND, abs=1e-5)


def test_a_camera_alone_lets_no_cloud_drift() -> None:
    assert drift(zoom_out(0.02), sky()) == pytest.approx([0.0, 0.0], abs=1e-6)


def test_a_thing_that_walks_on_the_ground_is_not_taken_for_the_camera() -> None:
    flow = pan(1.0).copy()
    flow[:, 60:75, 20:50] += 5
    ground = ~sky()
    assert camera_way(flow, ground)[40, 64] == pytest.approx([-1.0, 0.0], abs=1e-5)


def test_each_camera_goes_its_own_way_and_not_the_other() -> None:
    everywhere = np.ones((5, HEIGHT, WIDTH), dtype=bool)
    ways = {
        "camera-pan-right": camera_way(pan(1.0), everywhere),
        "camera-zoom-out": camera_way(zoom_out(0.01), everywhere),
    }
    for camera in CAMERAS:
        for other, way in ways.items():
            assert (cosine_to(way, camera) >= RIGHT) == (camera == other)
    assert cosine_to(-ways["camera-pan-right"], "camera-pan-right") == pytest.approx(-1)
    assert cosine_to(np.zeros((HEIGHT, WIDTH, 2)), "camera-pan-right") == 0


def test_the_table_says_what_is_missed() -> None:
    good = [WithCamera(cosine=0.99, kept=0.8, untouched=0.0)] * 9 + [WithCamera(cosine=0.1, kept=0.1, untouched=0.0)]
    assert "| right in 9 | 80% | 0% | met |" in table({"camera-pan-right": good})
    assert "| right in 8 | 80% | 0% | no |" in table({"camera-pan-right": [*good[1:], good[-1]]})
