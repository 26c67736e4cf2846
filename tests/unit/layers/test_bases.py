"""What the table says of bases: their distribution, manager, Python, user."""

from __future__ import annotations

import re

import pytest

from imgc.layers.bases import CODENAMES, FULL, TABLE, UNKNOWN, facts_of, manager_of
from imgc.layers.facts import BaseFacts
from imgc.layers.managers import MANAGERS

SHA = "@sha256:" + "0" * 64
UNKNOWN_BASE = BaseFacts()


def shown(reference: str) -> tuple[str | None, str | None, str | None, bool | None]:
    facts = facts_of(reference)
    return facts.distro, facts.manager, facts.python, facts.python_managed


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("python:3.12-slim", ("debian", "apt", "3.12", False)),
        ("python:3.12.4-slim-bookworm", ("debian", "apt", "3.12", False)),
        ("python:3.12", ("debian", "apt", "3.12", False)),
        ("python:3.14-rc-slim", ("debian", "apt", "3.14", False)),
        ("python:3.13.0b1-alpine3.20", ("alpine", "apk", "3.13", False)),
        ("python:3", ("debian", "apt", "3", False)),
        ("python", ("debian", "apt", "3", False)),
        ("python:slim-trixie", ("debian", "apt", "3", False)),
        ("python:alpine", ("alpine", "apk", "3", False)),
        ("python:2.7-slim", ("debian", "apt", "2.7", False)),
        (f"python:3.12-slim{SHA}", ("debian", "apt", "3.12", False)),
        ("docker.io/library/python:3.12-slim", ("debian", "apt", "3.12", False)),
        ("public.ecr.aws/docker/library/python:3.12-alpine", ("alpine", "apk", "3.12", False)),
        ("mirror.gcr.io/library/python:3.12", ("debian", "apt", "3.12", False)),
        ("harbor.acme.example/hub/library/python:3.12", ("debian", "apt", "3.12", False)),
        ("debian:bookworm-slim", ("debian", "apt", "", True)),
        ("debian:bullseye-20200720-slim", ("debian", "apt", "", False)),
        ("debian:12.5", ("debian", "apt", "", True)),
        ("debian:11-slim", ("debian", "apt", "", False)),
        ("debian:stable-slim", ("debian", "apt", "", True)),
        ("debian:oldoldstable", ("debian", "apt", "", None)),
        (f"debian{SHA}", None),
        ("ubuntu:22.04", ("ubuntu", "apt", "", False)),
        ("ubuntu:23.04", ("ubuntu", "apt", "", True)),
        ("ubuntu:noble-20240801", ("ubuntu", "apt", "", True)),
        ("public.ecr.aws/ubuntu/ubuntu:24.04", ("ubuntu", "apt", "", True)),
        ("alpine:3.18.4", ("alpine", "apk", "", False)),
        ("alpine:3.20", ("alpine", "apk", "", True)),
        ("alpine:edge", ("alpine", "apk", "", True)),
        (f"alpine{SHA}", ("alpine", "apk", "", None)),
        ("fedora:42", ("fedora", "dnf", "", None)),
        ("registry.fedoraproject.org/fedora:40", ("fedora", "dnf", None, None)),
        ("centos:7", ("centos", "yum", "", None)),
        ("quay.io/centos/centos:stream9", ("centos", "dnf", "3.9", True)),
        ("rockylinux:9-minimal", ("rocky", "microdnf", "", None)),
        ("rockylinux:9.3.20231119", ("rocky", "dnf", "3.9", True)),
        ("almalinux:8", ("almalinux", "dnf", "", None)),
        ("oraclelinux:8-slim", ("ol", "microdnf", "", None)),
        ("redhat/ubi9-minimal:9.4", ("rhel", "microdnf", "", None)),
        ("registry.access.redhat.com/ubi9/ubi:latest", ("rhel", "dnf", "3.9", True)),
        ("registry.access.redhat.com/ubi10/ubi-minimal", ("rhel", "microdnf", "", None)),
        ("registry.access.redhat.com/ubi9/ubi-micro", ("rhel", "", "", None)),
        ("registry.access.redhat.com/ubi7/ubi-minimal", None),
        ("amazonlinux:2", ("amzn", "yum", "", None)),
        ("amazonlinux:2023.5.20240624.0", ("amzn", "dnf", "3.9", True)),
        ("opensuse/leap:15.6", ("opensuse-leap", "zypper", None, None)),
        ("opensuse/tumbleweed", ("opensuse-tumbleweed", "zypper", None, None)),
        ("archlinux:base", ("arch", "", None, None)),
        ("busybox:1.37", (None, "", "", None)),
        ("scratch", (None, "", "", None)),
        ("gcr.io/distroless/python3-debian12:nonroot", (None, "", None, None)),
        ("ghcr.io/astral-sh/uv:python3.12-bookworm-slim", ("debian", "apt", "3.12", False)),
        ("ghcr.io/astral-sh/uv:0.9.2-python3.13-alpine", ("alpine", "apk", "3.13", False)),
        ("ghcr.io/astral-sh/uv:debian-slim", ("debian", "apt", "", None)),
        ("ghcr.io/astral-sh/uv:0.9-bookworm", ("debian", "apt", "3.11", True)),
        ("bitnami/python:3.12.3-debian-12-r12", ("debian", "apt", "3.12", False)),
        ("mambaorg/micromamba:1.5.8", ("debian", "apt", "", None)),
        ("mambaorg/micromamba:1.5.8-jammy-cuda-12.1.1", ("ubuntu", "apt", "", False)),
        ("mambaorg/micromamba:2-amazon2023", ("amzn", "dnf", "3.9", True)),
        ("condaforge/miniforge3:24.3.0-0", ("ubuntu", "apt", "3", False)),
        ("continuumio/miniconda3:24.1.2-0", ("debian", "apt", "3", False)),
        ("continuumio/miniconda3:4.9.2-alpine", None),
        ("quay.io/jupyter/scipy-notebook:python-3.11.6", ("ubuntu", "apt", "3.11", False)),
        ("jupyter/base-notebook", ("ubuntu", "apt", "3", False)),
        ("nvidia/cuda:12.4.1-base-ubuntu22.04", ("ubuntu", "apt", "", False)),
        ("nvidia/cuda:12.4.1-cudnn-devel-ubi9", ("rhel", "dnf", "3.9", True)),
        ("nvidia/cuda:12.4.1-runtime-rockylinux8", ("rocky", "dnf", "", None)),
        ("nvidia/cuda:11.8.0-base-centos7", None),
        ("pytorch/pytorch:2.4.0-cuda12.1-cudnn9-runtime", ("ubuntu", "apt", "3", False)),
        ("pytorch/pytorch:2.12.0-cuda12.6-cudnn9-runtime", ("ubuntu", "apt", None, None)),
        ("tensorflow/tensorflow:2.16.1-gpu", ("ubuntu", "apt", None, None)),
        ("apache/spark:3.5.1-python3", ("ubuntu", "apt", None, None)),
        ("node:22", ("debian", "apt", None, None)),
        ("node:22-bookworm", ("debian", "apt", "3.11", True)),
        ("node:22-bookworm-slim", ("debian", "apt", "", True)),
        ("node:22-slim", ("debian", "apt", "", None)),
        ("node:22-bullseye", ("debian", "apt", None, False)),
        ("node:lts-alpine3.18", ("alpine", "apk", "", False)),
        ("golang:1.24-bookworm", ("debian", "apt", "3.11", True)),
        ("golang:1.24-alpine", ("alpine", "apk", "", None)),
        ("buildpack-deps:noble-scm", ("ubuntu", "apt", "3.12", True)),
        ("buildpack-deps:bookworm-curl", ("debian", "apt", None, True)),
        ("openjdk:21-jdk-slim", ("debian", "apt", "", None)),
        ("openjdk:17-oraclelinux8", ("ol", "microdnf", None, None)),
        ("openjdk:17", None),
        ("eclipse-temurin:21-jre", ("ubuntu", "apt", None, None)),
        ("eclipse-temurin:8-jdk-alpine-3.20", ("alpine", "apk", None, True)),
        ("eclipse-temurin:21-jdk-ubi9-minimal", ("rhel", "microdnf", None, None)),
        ("mysql:8.4", ("ol", "microdnf", None, None)),
        ("mysql:8.0-debian", None),
        ("postgres:17-alpine", ("alpine", "apk", None, None)),
        ("docker:27-cli", ("alpine", "apk", None, None)),
    ],
)
def test_what_the_table_says(reference, expected):
    assert shown(reference) == (expected or (None, None, None, None))


@pytest.mark.parametrize(
    ("reference", "user"),
    [
        ("python:3.12", "root"),
        ("node:22", "root"),
        ("mambaorg/micromamba:1.5.8", "mambauser"),
        ("quay.io/jupyter/base-notebook:2024-05-27", "1000"),
        ("apache/spark:3.5.1", "spark"),
        ("nginxinc/nginx-unprivileged:1.27-alpine", "101"),
        ("gcr.io/distroless/static-debian12:nonroot", "65532"),
        ("gcr.io/distroless/static-debian12:debug-nonroot-amd64", "65532"),
        ("gcr.io/distroless/static-debian12", "root"),
    ],
)
def test_users_of_the_configuration(reference, user):
    assert facts_of(reference).user == user
    assert facts_of(reference).source


@pytest.mark.parametrize(
    "reference",
    [
        "acme/app:1-alpine3.20",
        "ghcr.io/acme/base:1.2.3",
        "quay.io/acme/python:3.12",
        "python:3.12-windowsservercore-ltsc2022",
        "golang:nanoserver",
        f"python{SHA}",
        f"ubuntu@{SHA[1:-1]}",
        "mysql:5.7",
        "docker:dind-rootless",
        "mambaorg/micromamba:0.15.3",
        "swift:5.9-amazonlinux2",
        "not a reference",
    ],
)
def test_what_is_not_sure_is_left_out(reference):
    assert facts_of(reference) == UNKNOWN_BASE


def test_shells():
    assert facts_of("python:3.12").shell is True
    assert facts_of("busybox").shell is True
    assert facts_of("scratch").shell is False
    assert facts_of("gcr.io/distroless/base-debian12:debug").shell is False
    assert facts_of("redhat/ubi9-micro").shell is None


def test_npm():
    assert facts_of("node:22-alpine").npm is True
    assert facts_of("python:3.12").npm is False
    assert facts_of("jupyter/base-notebook").npm is None


@pytest.mark.parametrize(
    ("reference", "conda"),
    [
        ("mambaorg/micromamba:1.5.8-bookworm-slim", "micromamba"),
        ("condaforge/miniforge3", "conda"),
        ("continuumio/anaconda3:2024.10-1", "conda"),
        ("pytorch/pytorch:2.4.0-cuda12.1-cudnn9-devel", "conda"),
        ("pytorch/pytorch:2.12.0-cuda12.6-cudnn9-devel", None),
        ("python:3.12", None),
    ],
)
def test_conda(reference, conda):
    assert facts_of(reference).conda == conda


def test_managers_of_distributions():
    assert manager_of("debian") == "apt"
    assert manager_of("opensuse-leap") == "zypper"
    assert manager_of("rhel") is None  # dnf, microdnf or yum
    assert manager_of("arch") is None


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.names.split()[0]} {row.tags}")
def test_the_rows_are_sound(row):
    groups = re.compile(row.tags).groupindex
    for text in (row.system, row.python):
        assert set(re.findall(r"\{(\w+)\}", text)) <= set(groups)
    assert row.python in ("", FULL, UNKNOWN, "{python}", "3")
    systems = [row.system.removeprefix("?").format(**dict.fromkeys(groups, "9"))]
    if row.system.startswith("?"):
        systems = [*filter(None, systems), *CODENAMES.values()]
    from imgc.layers.bases import _system

    for system in systems:
        assert _system(system).manager in ("", *MANAGERS)


def test_new_facts_are_no_strangers_to_the_lock():
    assert {"distro", "manager", "user", "python", "python_managed", "shell", "conda"} <= set(
        BaseFacts.__dataclass_fields__
    )
