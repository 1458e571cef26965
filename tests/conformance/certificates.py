"""Certificates for tests, made by openssl."""
import subprocess


def make_certificate(folder, name, subject='localhost'):
    """NAME.pem and NAME.key in the folder: signed by itself, for the subject as a DNS name. Their paths."""
    certificate, key = folder / f'{name}.pem', folder / f'{name}.key'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days',
                    '30', '-subj', f'/CN={subject[:64]}', '-addext', f'subjectAltName=DNS:{subject}', '-keyout', key,
                    '-out', certificate], check=True, capture_output=True)
    return certificate, key
